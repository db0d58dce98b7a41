"""What a profile must say before pods can be asked for."""

import re
from pathlib import PurePosixPath

from cluster.kubernetes.ray_job import OBJECT_STORE_BYTES
from cluster.schema import Profile, memory_bytes
from repsim.errors import StudyError

__all__ = ["check_profile", "check_schedule"]

FIELD = r"[0-9A-Za-z*?/,-]+"
SCHEDULE = re.compile(
    rf"@(yearly|annually|monthly|weekly|daily|midnight|hourly)|{FIELD}( {FIELD}){{4}}"
)
# Ray's objects, and as much again for the loaders.
LEAST_SHARED_MEMORY = 2 * OBJECT_STORE_BYTES


def check_profile(profile: Profile, store: str) -> None:
    """Raise where a pod could not be described, or could not do its work.

    Raises
    ------
    StudyError
        With every problem on a line of its own.
    """
    problems = [*_sizes(profile), *_places(profile), *_storage(profile, store)]
    if problems:
        raise StudyError("\n".join(problems))


def check_schedule(schedule: str) -> None:
    """Raise unless it is a cron expression.

    >>> check_schedule("0 3 * * *")

    Raises
    ------
    StudyError
        When it has not five fields, or is no name like ``@daily``.
    """
    if not SCHEDULE.fullmatch(schedule):
        raise StudyError(
            "Expected a cron expression: minute, hour, day, month and day of the week, as in "
            f"'0 3 * * *', or @daily. Got {schedule!r}. The time zone is kubernetes.time_zone."
        )


def _sizes(profile: Profile) -> list[str]:
    """A pod asks for so much and no more: nothing can be left to what there is."""
    ray, dask = profile.ray, profile.dask
    needed = {
        "ray.gpus_per_network, as in 1 or 0": ray.gpus_per_network != "auto",
        "ray.memory_per_network, as in 32GiB": ray.memory_per_network is not None,
        "dask.workers, as in 8": dask.workers != "auto",
        "dask.memory_per_worker, as in 16GiB": dask.memory_per_worker is not None,
    }
    problems = [
        f"Expected {name}, in a profile for Kubernetes: pods are asked for before anything is "
        "known of the nodes. Got nothing. Add it."
        for name, said in needed.items()
        if not said
    ]
    if memory_bytes(profile.kubernetes.shared_memory) < LEAST_SHARED_MEMORY:
        problems.append(
            f"Expected kubernetes.shared_memory of at least {LEAST_SHARED_MEMORY // 2**20}MiB, for "
            f"Ray's objects and the loaders. Got {profile.kubernetes.shared_memory}."
        )
    return problems


def _places(profile: Profile) -> list[str]:
    problems = [
        f"Expected {name} = local in a profile for Kubernetes: what the study needs is started "
        f"for it. Got {value!r}. With a cluster that is there already, repsim run does."
        for name, value in (
            ("ray.address", profile.ray.address),
            ("dask.scheduler", profile.dask.scheduler),
        )
        if value != "local"
    ]
    ray = profile.ray
    alone = ray.gpus_per_network in {"auto", 0.0, 1.0} and ray.workers_per_network == 1
    if profile.kubernetes.training == "indexed" and not alone:
        problems.append(
            "Expected ray.gpus_per_network of 0 or 1, and one of ray.workers_per_network, with "
            "kubernetes.training = indexed, in which a process trains one network after the other. "
            f"Got {ray.gpus_per_network} and {ray.workers_per_network}. training = ray shares GPUs "
            "and uses several."
        )
    return problems


def _storage(profile: Profile, store: str) -> list[str]:
    claim = profile.kubernetes.store_claim
    if "://" in store:
        return (
            [f"Expected a folder as store with kubernetes.store_claim. Got {store}. Remove one."]
            if claim
            else []
        )
    if not claim:
        return [
            "Expected a store that every pod reaches: s3://bucket/prefix, or a folder and "
            f"kubernetes.store_claim, a volume that is mounted there. Got the folder {store!r} "
            "alone. Say --store, or store and kubernetes.store_claim in the profile."
        ]
    if not PurePosixPath(store).is_absolute() or ".." in PurePosixPath(store).parts:
        return [f"Expected an absolute folder, at which the volume is mounted. Got {store!r}."]
    return []
