"""Pods: what every container of a study has in common."""

from dataclasses import dataclass
from typing import Any

from cluster.kubernetes.names import labels
from cluster.schema import Memory, Profile, memory_bytes

__all__ = ["CONFIG", "CONTAINER", "GROUP", "Request", "Site", "container", "pod_template"]

CONFIG = "/etc/repsim"
"""Where a pod finds the study, the profile and the templates of the stages."""
CONTAINER = "repsim"
GROUP = 1000
"""User and group of the image; the group owns a mounted volume."""
# SIGTERM to SIGKILL: a network in training writes a checkpoint, to a store that may be far.
STOP_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Request:
    """What one container is given: requested and limited alike, so that a node is not overdrawn."""

    cpus: int
    memory: Memory
    gpus: int = 0


@dataclass(frozen=True, kw_only=True)
class Site:
    """A study at its place in a cluster: what every manifest of it is rendered from."""

    study: str
    name: str
    """Of `study_name`."""
    store: str
    profile: Profile
    config: str
    """Name of the ConfigMap."""

    def metadata(self, name: str, component: str) -> dict[str, Any]:
        """Metadata of an object of this study."""
        return {
            "name": name,
            "namespace": self.profile.kubernetes.namespace,
            "labels": labels(self.name, component),
            "annotations": {"repsim/study": self.study},
        }


def pod_template(
    site: Site, component: str, container: dict[str, Any], *, on_training_nodes: bool = False
) -> dict[str, Any]:
    """A pod of one container, as the restricted Pod Security Standard wants it.

    Parameters
    ----------
    site
        The study and its profile.
    component
        Label of what it does.
    container
        Of `container`.
    on_training_nodes
        Whether the profile's node selector and tolerations are for it.
    """
    kubernetes = site.profile.kubernetes
    spec: dict[str, Any] = {
        "automountServiceAccountToken": False,
        # Variables of services named like ours would be taken for values of the profile.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": STOP_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "fsGroup": GROUP,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": _volumes(site),
    }
    if kubernetes.service_account:
        spec["serviceAccountName"] = kubernetes.service_account
    if kubernetes.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in kubernetes.image_pull_secrets]
    if on_training_nodes and kubernetes.node_selector:
        spec["nodeSelector"] = dict(kubernetes.node_selector)
    if on_training_nodes and kubernetes.tolerations:
        spec["tolerations"] = [dict(toleration) for toleration in kubernetes.tolerations]
    return {"metadata": {"labels": labels(site.name, component)}, "spec": spec}


def container(
    site: Site,
    request: Request,
    *,
    name: str = CONTAINER,
    command: list[str] | None = None,
    environment: dict[str, str] | None = None,
) -> dict[str, Any]:
    """A container of the image; without `command` somebody else, as KubeRay, gives it one.

    Credentials come from the Secret by its name alone.
    """
    kubernetes = site.profile.kubernetes
    size = {"cpu": str(request.cpus), "memory": quantity(request.memory)}
    if request.gpus:
        size[kubernetes.gpu_resource] = str(request.gpus)
    variables = {**site.profile.environment, **(environment or {})}
    value: dict[str, Any] = {
        "name": name,
        "image": kubernetes.image,
        "imagePullPolicy": kubernetes.image_pull_policy,
        "env": [{"name": key, "value": _literal(text)} for key, text in variables.items()],
        "resources": {"requests": size, "limits": size},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": _mounts(site),
    }
    if command is not None:
        value["command"] = [_literal(word) for word in command]
    if kubernetes.store_secret:
        value["envFrom"] = [{"secretRef": {"name": kubernetes.store_secret}}]
    return value


def quantity(memory: Memory) -> str:
    """A size as Kubernetes writes it.

    >>> quantity("16GiB"), quantity("2048MiB")
    ('16Gi', '2Gi')
    """
    mebibytes = memory_bytes(memory) // 2**20
    return f"{mebibytes}Mi" if mebibytes % 1024 else f"{mebibytes // 1024}Gi"


def _literal(text: str) -> str:
    """Kubernetes would put another variable's value for ``$(NAME)``."""
    return text.replace("$(", "$$(")


def _volumes(site: Site) -> list[dict[str, Any]]:
    kubernetes = site.profile.kubernetes
    shared = {"medium": "Memory", "sizeLimit": quantity(kubernetes.shared_memory)}
    volumes: list[dict[str, Any]] = [
        {"name": "config", "configMap": {"name": site.config}},
        # The 64 MB that a container has otherwise are too few for loaders and for Ray's objects.
        {"name": "shared-memory", "emptyDir": shared},
    ]
    if kubernetes.store_claim:
        claim: dict[str, Any] = {"claimName": kubernetes.store_claim}
        volumes.append({"name": "store", "persistentVolumeClaim": claim})
    if kubernetes.data_claim:
        claim = {"claimName": kubernetes.data_claim, "readOnly": True}
        volumes.append({"name": "data", "persistentVolumeClaim": claim})
    return volumes


def _mounts(site: Site) -> list[dict[str, Any]]:
    kubernetes = site.profile.kubernetes
    mounts: list[dict[str, Any]] = [
        {"name": "config", "mountPath": CONFIG, "readOnly": True},
        {"name": "shared-memory", "mountPath": "/dev/shm"},
    ]
    if kubernetes.store_claim:
        mounts.append({"name": "store", "mountPath": site.store})
    if kubernetes.data_claim:
        mounts.append({"name": "data", "mountPath": kubernetes.data_path, "readOnly": True})
    return mounts
