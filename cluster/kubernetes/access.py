"""What the driver may do: look at the jobs of its namespace, and make some."""

from typing import Any

from cluster.kubernetes.names import DRIVER
from cluster.kubernetes.pods import Site

__all__ = ["access_manifests"]

RBAC = "rbac.authorization.k8s.io"


def access_manifests(site: Site) -> tuple[str, list[dict[str, Any]]]:
    """Name of the driver's service account, and the manifests that give it its rights.

    An account that the profile names is there already, with what it may do in the store; the same
    rights are bound to it.
    """
    account = site.profile.kubernetes.service_account or site.name
    metadata = site.metadata(site.name, DRIVER)
    rules = [_may("batch", "jobs")]
    if site.profile.kubernetes.training == "ray":
        rules.append(_may("ray.io", "rayjobs"))
    role = {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": rules}
    binding = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": site.name},
        "subjects": [
            {
                "kind": "ServiceAccount",
                "name": account,
                "namespace": site.profile.kubernetes.namespace,
            }
        ],
    }
    if site.profile.kubernetes.service_account:
        return account, [role, binding]
    service_account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    return account, [service_account, role, binding]


def _may(group: str, resource: str) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": [resource], "verbs": ["get", "create"]}
