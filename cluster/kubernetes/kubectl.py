"""Applying manifests with the kubectl that is on PATH, and so with the rights of its user."""

import json
import shutil
import subprocess
from typing import Any

from cluster.kubernetes.manifests import Manifests
from repsim.errors import ActiveRunError, ClusterError

__all__ = ["submit"]


def submit(manifests: Manifests) -> str:
    """Apply the manifests; return what to do next, in words.

    The driver's Job of an earlier submission is replaced when it has ended; a schedule is changed
    in place, and a run of it that is active goes on as it began.

    Raises
    ------
    ActiveRunError
        When the driver of an earlier submission is running.
    ClusterError
        When there is no kubectl, or the cluster does not take the manifests.
    """
    namespace = manifests.site.profile.kubernetes.namespace
    name = manifests.driver["metadata"]["name"]
    if manifests.site.profile.kubernetes.training == "ray":
        _check_operator()
    if not manifests.scheduled:
        _make_room(name, namespace)
    _kubectl("apply", "-f", "-", text=manifests.text)
    if manifests.scheduled:
        schedule = manifests.driver["spec"]["schedule"]
        return (
            f"Scheduled: cronjob/{name} in namespace {namespace}, at {schedule!r}.\n"
            f"At once: kubectl -n {namespace} create job --from=cronjob/{name} {name}-now\n"
            f"No more: kubectl -n {namespace} delete cronjob {name}"
        )
    return (
        f"Submitted: job/{name} in namespace {namespace}.\n"
        f"Follow it: kubectl -n {namespace} logs -f job/{name}\n"
        f"Stop it: kubectl -n {namespace} delete job {name} (what is finished is kept)"
    )


def _check_operator() -> None:
    kinds = _kubectl("api-resources", "--api-group=ray.io", "-o", "name")
    if "rayjobs.ray.io" not in kinds.split():
        raise ClusterError(
            "Expected a cluster with KubeRay, which knows RayJobs. Got one without. Install the "
            "KubeRay operator (1.5.1 or later), or set kubernetes.training = indexed."
        )


def _make_room(name: str, namespace: str) -> None:
    """A Job cannot be changed: one that has ended is removed, with the jobs of its stages."""
    job = _kubectl("-n", namespace, "get", "job", name, "--ignore-not-found", "-o", "json")
    if not job.strip():
        return
    status: dict[str, Any] = json.loads(job).get("status") or {}
    ended = {
        condition["type"]
        for condition in status.get("conditions") or ()
        if condition["status"] == "True"
    }
    if not ended & {"Complete", "Failed"}:
        raise ActiveRunError(
            f"Expected no active run of this study. Got job/{name} in namespace {namespace}. "
            f"Follow it (kubectl -n {namespace} logs -f job/{name}), or delete it first."
        )
    _kubectl("-n", namespace, "delete", "job", name, "--wait")


def _kubectl(*arguments: str, text: str = "") -> str:
    program = shutil.which("kubectl")
    if program is None:
        raise ClusterError(
            "Expected kubectl on PATH, set up for the cluster. Got none. Install it, or print the "
            "manifests with --dry-run and apply them where it is."
        )
    done = subprocess.run(
        [program, *arguments], input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ClusterError(
            f"Expected kubectl {' '.join(arguments)} to succeed. Got {done.returncode}: "
            f"{done.stderr.strip() or done.stdout.strip()}"
        )
    return done.stdout
