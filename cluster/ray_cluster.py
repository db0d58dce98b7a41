"""Connecting to Ray: a private local one, or a cluster by address."""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from cluster.profile import RayProfile
from repsim.errors import ClusterError

__all__ = ["ray_session"]


@contextmanager
def ray_session(profile: RayProfile) -> Iterator[None]:
    """Ray, connected for the length of the block.

    A local Ray gets a temporary folder of its own: an address file that a killed Ray left in the
    usual one makes the next start hang. Nothing that another user runs on the node is touched.

    Raises
    ------
    ClusterError
        When the cluster cannot be reached.
    """
    threads = {"OMP_NUM_THREADS": str(profile.cpus_per_network)}
    options = {"log_to_driver": False, "logging_level": logging.ERROR}
    if profile.address != "local":
        try:
            ray.init(profile.address, runtime_env={"env_vars": threads}, **options)
        except Exception as problem:
            raise ClusterError(
                f"Expected a Ray cluster at {profile.address!r}. Got: {problem}. Check the "
                "address, that the versions of Ray and Python agree, and RAY_AUTH_MODE."
            ) from problem
        try:
            yield
        finally:
            ray.shutdown()
        return
    folder = tempfile.mkdtemp(prefix="repsim-ray-")
    before = {name: os.environ.get(name) for name in ("RAY_TMPDIR", "RAY_AUTH_MODE")}
    # Loopback only and gone with this process: there is nobody to authenticate.
    os.environ.update(RAY_TMPDIR=folder, RAY_AUTH_MODE="disabled")
    try:
        ray.init(
            "local",
            include_dashboard=False,
            # Activations go to the store, never through Ray's memory.
            object_store_memory=200 * 2**20,
            runtime_env={"env_vars": threads},
            **options,
        )
        yield
    except (ConnectionError, TimeoutError) as problem:
        raise ClusterError(f"Expected Ray to start here. Got: {problem}.") from problem
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
