"""What a profile needs of the machine that starts its runs."""

from cluster.doctor.finding import Finding
from cluster.doctor.node import inspect_node
from cluster.schema import Profile, RayProfile

__all__ = ["examine", "wants_gpu"]


def examine(profile: Profile, location: str) -> list[Finding]:
    """Look at this machine, at the store, and at the addresses of the profile. Starts no engine."""
    named = (profile.ray.address, profile.dask.scheduler)
    report = inspect_node(
        location,
        None,
        gpus=profile.ray.address == "local" and wants_gpu(profile.ray, some=False),
        addresses=[address for address in named if address not in {"local", "auto"}],
    )
    return list(report.findings)


def wants_gpu(profile: RayProfile, *, some: bool) -> bool:
    """Whether a network needs a GPU; `some` says whether the cluster has any."""
    if profile.gpus_per_network == "auto":
        return some or profile.device == "cuda"
    return profile.gpus_per_network > 0
