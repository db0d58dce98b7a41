"""The job of a stage: made from its template, and what it says of itself."""

import copy
import math
import os
from dataclasses import dataclass
from typing import Any

from cluster.kubernetes.names import labels, stage_name
from cluster.kubernetes.ray_job import NETWORKS_PER_POD
from repsim.errors import ClusterError

__all__ = ["Driver", "has_ended", "spoken_state", "stage_job"]

RAY_ENDED = {"Complete", "Failed", "ValidationFailed"}


@dataclass(frozen=True, kw_only=True)
class Driver:
    """The Job that the driver is a pod of: it owns the jobs of the stages."""

    job: str
    uid: str

    @classmethod
    def of_this_pod(cls) -> "Driver":
        """From the variables that its manifest sets. Raises ClusterError."""
        job, uid = os.environ.get("JOB_NAME", ""), os.environ.get("JOB_UID", "")
        if not (job and uid):
            raise ClusterError(
                "Expected JOB_NAME and JOB_UID in the environment. Got none. repsim drive is for "
                "the pod that repsim submit starts."
            )
        return cls(job=job, uid=uid)


def stage_job(
    template: dict[str, Any], driver: Driver, stage: str, attempt: int, count: int
) -> dict[str, Any]:
    """The template with a name and an owner, and no larger than what is missing."""
    job = copy.deepcopy(template)
    metadata = job["metadata"]
    name = metadata["labels"]["app.kubernetes.io/instance"]
    metadata["name"] = stage_name(name, driver.uid, stage, attempt)
    metadata["labels"] = labels(name, stage)
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": driver.job, "uid": driver.uid}
    metadata["ownerReferences"] = [owner]
    job["spec"]["suspend"] = False
    if job["kind"] == "RayJob":
        pods = math.ceil(count / int(metadata["annotations"][NETWORKS_PER_POD]))
        for group in job["spec"]["rayClusterSpec"]["workerGroupSpecs"]:
            replicas = min(pods, group["replicas"])
            group.update(replicas=replicas, minReplicas=replicas, maxReplicas=replicas)
    return job


def has_ended(job: dict[str, Any]) -> bool:
    """Whether a job has ended, however."""
    status = job.get("status") or {}
    if job["kind"] == "RayJob":
        return status.get("jobDeploymentStatus") in RAY_ENDED
    return any(
        condition["type"] in {"Complete", "Failed"} and condition["status"] == "True"
        for condition in status.get("conditions") or ()
    )


def spoken_state(job: dict[str, Any]) -> str:
    """What a job says of itself, for the log."""
    status = job.get("status") or {}
    if job["kind"] == "RayJob":
        words = ("jobDeploymentStatus", "jobStatus", "message")
        return ", ".join(status[word] for word in words if status.get(word)) or "not begun"
    counts = ("active", "ready", "completedIndexes", "failedIndexes")
    said = [f"{key} {status[key]}" for key in counts if status.get(key) is not None]
    ended = [
        f"{condition['type']}: {condition.get('message') or condition.get('reason') or ''}"
        for condition in status.get("conditions") or ()
        if condition["status"] == "True"
    ]
    return ", ".join([*said, *ended]) or "not begun"
