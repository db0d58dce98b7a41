"""Jobs: a stage cut into shards, the driver, and the driver on a schedule."""

from typing import Any

from cluster.kubernetes.names import DRIVER
from cluster.kubernetes.pods import CONFIG, CONTAINER, Request, Site, container, pod_template

__all__ = ["cron_job", "driver_job", "indexed_job"]

# A CronJob that missed 100 starts, as in a long outage, is never started again without a deadline.
LATEST_START_SECONDS = 3600
HISTORY = 3
# Exit codes of the command (repsim.errors): wrong study, damaged store, stopped cleanly.
HOPELESS = [2, 5]
STOPPED = [75]


def indexed_job(
    site: Site, stage: str, *, shards: int, request: Request, on_training_nodes: bool
) -> dict[str, Any]:
    """A stage without engine or coordinator: each pod does its share of the same list of tasks.

    It is rendered suspended: the driver starts it when what it reads is there.
    """
    command = ["repsim", "run", f"{CONFIG}/study.toml", "--store", site.store]
    command += ["--cluster", f"{CONFIG}/profile.toml", "--engine", "inline", "--stage", stage]
    main = container(site, request, command=command, environment=_threads(request.cpus))
    main["command"] += ["--shard", f"$(JOB_COMPLETION_INDEX)/{shards}"]
    template = pod_template(site, stage, main, on_training_nodes=on_training_nodes)
    kubernetes = site.profile.kubernetes
    spec = {
        "suspend": True,
        "completionMode": "Indexed",
        "completions": shards,
        "parallelism": shards,
        "backoffLimitPerIndex": kubernetes.retries,
        **_ending(site),
    }
    if kubernetes.deadline_hours:
        spec["activeDeadlineSeconds"] = 3600 * kubernetes.deadline_hours
    return _job(site, f"{site.name}-{stage}", stage, spec, template)


def driver_job(site: Site, service_account: str) -> dict[str, Any]:
    """The driver: starts the stages in order, writes the report, and ends as the study did."""
    return _job(site, site.name, DRIVER, *_driver(site, service_account))


def cron_job(site: Site, service_account: str, schedule: str) -> dict[str, Any]:
    """The driver on a schedule. It lives as long as its study, so that Forbid means the study."""
    kubernetes = site.profile.kubernetes
    spec, template = _driver(site, service_account)
    job = _job(site, site.name, DRIVER, spec, template)
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": site.metadata(site.name, DRIVER),
        "spec": {
            "schedule": schedule,
            "timeZone": kubernetes.time_zone,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": LATEST_START_SECONDS,
            "successfulJobsHistoryLimit": HISTORY,
            "failedJobsHistoryLimit": HISTORY,
            "jobTemplate": {
                "metadata": {
                    "labels": job["metadata"]["labels"],
                    "annotations": job["metadata"]["annotations"],
                },
                "spec": job["spec"],
            },
        },
    }


def _driver(site: Site, service_account: str) -> tuple[dict[str, Any], dict[str, Any]]:
    kubernetes = site.profile.kubernetes
    request = Request(cpus=kubernetes.head_cpus, memory=kubernetes.head_memory)
    command = ["repsim", "drive", CONFIG]
    main = container(site, request, command=command, environment=_threads(request.cpus))
    main["env"] += [
        _label("JOB_NAME", "batch.kubernetes.io/job-name"),
        _label("JOB_UID", "batch.kubernetes.io/controller-uid"),
    ]
    template = pod_template(site, DRIVER, main)
    template["spec"] |= {
        "serviceAccountName": service_account,
        "automountServiceAccountToken": True,
    }
    return {"backoffLimit": kubernetes.retries, **_ending(site)}, template


def _ending(site: Site) -> dict[str, Any]:
    """Which ends are tried again. Rules are read in order; what none names counts as a retry."""
    return {
        "ttlSecondsAfterFinished": site.profile.kubernetes.ttl_seconds,
        "podFailurePolicy": {
            "rules": [
                {
                    "action": "Ignore",
                    "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                },
                _on_exit("Ignore", STOPPED),
                _on_exit("FailJob", HOPELESS),
            ]
        },
    }


def _on_exit(action: str, codes: list[int]) -> dict[str, Any]:
    which = {"containerName": CONTAINER, "operator": "In", "values": codes}
    return {"action": action, "onExitCodes": which}


def _job(
    site: Site, name: str, component: str, spec: dict[str, Any], template: dict[str, Any]
) -> dict[str, Any]:
    template["spec"]["restartPolicy"] = "Never"  # or the rules for failed pods do not apply
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": site.metadata(name, component),
        "spec": {**spec, "template": template},
    }


def _threads(cpus: int) -> dict[str, str]:
    """Libraries would start a thread for each core of the node, of which the pod has a part."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return dict.fromkeys(names, str(cpus))


def _label(variable: str, label: str) -> dict[str, Any]:
    field = {"fieldPath": f"metadata.labels['{label}']"}
    return {"name": variable, "valueFrom": {"fieldRef": field}}
