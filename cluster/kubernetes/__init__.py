"""Kubernetes: manifests of a study as plain values, and the driver that takes them in order.

`manifests_of` renders, `submit` applies with kubectl, and in the cluster `drive` starts one stage
after the other. Nothing here needs a Kubernetes client: kubectl on this side, HTTP on the other.
"""

from cluster.kubernetes.api import Api, InClusterApi
from cluster.kubernetes.drive import STAGES, Patience, drive, read_templates
from cluster.kubernetes.kubectl import submit
from cluster.kubernetes.manifests import Manifests, manifests_of
from cluster.kubernetes.stage_job import Driver

__all__ = [
    "STAGES",
    "Api",
    "Driver",
    "InClusterApi",
    "Manifests",
    "Patience",
    "drive",
    "manifests_of",
    "read_templates",
    "submit",
]
