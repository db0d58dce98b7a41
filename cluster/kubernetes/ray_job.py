"""A RayJob of KubeRay: a Ray cluster that trains the networks, and goes when they are trained."""

import math
from dataclasses import dataclass
from typing import Any

from cluster.kubernetes.pods import CONFIG, Request, Site, container, pod_template
from cluster.schema import RayProfile, memory_bytes

__all__ = ["NETWORKS_PER_POD", "OBJECT_STORE_BYTES", "WorkerPods", "ray_job", "worker_pods"]

NETWORKS_PER_POD = "repsim/networks-per-pod"
"""Annotation by which the driver asks for no more pods than networks are missing."""

# Activations go to the store, never through Ray's memory.
OBJECT_STORE_BYTES = 200 * 2**20
# The Ray cluster, GPUs included, is kept for the last lines of its log and no longer.
LINGER_SECONDS = 60
SUBMITTER = Request(cpus=1, memory="1GiB")


@dataclass(frozen=True, kw_only=True)
class WorkerPods:
    """Ray workers that hold all networks in training."""

    pods: int
    networks: int
    """In each."""
    request: Request
    """Of each."""


def worker_pods(ray: RayProfile, networks: int) -> WorkerPods:
    """A pod for each network in training; one for several that share a GPU.

    `networks` is how many the study has.
    """
    assert ray.gpus_per_network != "auto"
    assert ray.memory_per_network is not None
    at_once = networks if ray.networks_at_once == "auto" else min(ray.networks_at_once, networks)
    gpus = ray.gpus_per_network
    # 1 / 0.2 is 5.000… or 4.999…, as rounding has it.
    together = min(at_once, math.floor(1 / gpus + 1e-9)) if 0 < gpus < 1 else 1
    mebibytes = together * memory_bytes(ray.memory_per_network) // 2**20
    return WorkerPods(
        pods=math.ceil(at_once / together),
        networks=together,
        request=Request(
            cpus=together * ray.cpus_per_network,
            memory=f"{mebibytes}MiB",
            gpus=math.ceil(gpus),
        ),
    )


def ray_job(site: Site, *, networks: int, ray_version: str) -> dict[str, Any]:
    """The RayJob, suspended: the driver starts it.

    How it ended is not read from it: KubeRay has called failed jobs successful (kuberay#3211), and
    what counts is in the store. It is not tried again either, since each try would be a new
    cluster whatever went wrong: the driver decides that.
    """
    kubernetes = site.profile.kubernetes
    workers = worker_pods(site.profile.ray, networks)
    # Shell reads this line: it holds nothing that comes from a user. The profile names the store.
    entrypoint = f"repsim run {CONFIG}/study.toml --cluster {CONFIG}/profile.toml --stage networks"
    spec: dict[str, Any] = {
        "suspend": True,
        "entrypoint": entrypoint,
        "submissionMode": "K8sJobMode",
        "shutdownAfterJobFinishes": True,
        "ttlSecondsAfterFinished": LINGER_SECONDS,
        "backoffLimit": 0,
        "submitterPodTemplate": _submitter(site),
        "rayClusterSpec": {
            "rayVersion": ray_version,
            # Whoever reaches an open Ray runs code in it, and a cluster's network is shared.
            "authOptions": {"mode": "token"},
            "headGroupSpec": _head(site),
            "workerGroupSpecs": [_workers(site, workers)],
        },
    }
    if kubernetes.deadline_hours:
        spec["activeDeadlineSeconds"] = 3600 * kubernetes.deadline_hours
    metadata = site.metadata(f"{site.name}-networks", "networks")
    metadata["annotations"][NETWORKS_PER_POD] = str(workers.networks)
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": metadata,
        "spec": spec,
    }


def _head(site: Site) -> dict[str, Any]:
    """It runs the command and Ray's own processes; no network is trained on it."""
    kubernetes = site.profile.kubernetes
    request = Request(cpus=kubernetes.head_cpus, memory=kubernetes.head_memory)
    head = container(site, request, name="ray-head")
    head["ports"] = [
        {"name": "gcs-server", "containerPort": 6379},
        {"name": "dashboard", "containerPort": 8265},
        {"name": "client", "containerPort": 10001},
    ]
    return {
        "rayStartParams": _start(cpus=0, gpus=0) | {"dashboard-host": "0.0.0.0"},
        "template": pod_template(site, "networks", head),
    }


def _workers(site: Site, workers: WorkerPods) -> dict[str, Any]:
    request = workers.request
    worker = container(site, request, name="ray-worker")
    return {
        "groupName": "networks",
        "replicas": workers.pods,
        "minReplicas": workers.pods,
        "maxReplicas": workers.pods,
        "rayStartParams": _start(cpus=request.cpus, gpus=request.gpus),
        "template": pod_template(site, "networks", worker, on_training_nodes=True),
    }


def _start(*, cpus: int, gpus: int) -> dict[str, str]:
    """Options of ``ray start``; all are texts."""
    return {
        "num-cpus": str(cpus),
        "num-gpus": str(gpus),
        "object-store-memory": str(OBJECT_STORE_BYTES),
    }


def _submitter(site: Site) -> dict[str, Any]:
    """The pod that hands the command to Ray and reads its log; it needs no study, nor the store.

    KubeRay's own would be refused in a namespace that is restricted.
    """
    submitter = container(site, SUBMITTER, name="ray-job-submitter")
    template = pod_template(site, "submitter", submitter)
    for part, name in (
        (submitter, "envFrom"),
        (submitter, "volumeMounts"),
        (template["spec"], "volumes"),
    ):
        part.pop(name, None)
    template["spec"]["restartPolicy"] = "Never"
    return template
