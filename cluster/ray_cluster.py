"""Connecting to Ray: a private local one, or a cluster by address."""

import logging
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

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
    with _private_folder() if profile.address == "local" else nullcontext():
        _connect(profile)
        try:
            yield
        finally:
            ray.shutdown()


def _connect(profile: RayProfile) -> None:
    options: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.ERROR,
        "runtime_env": {"env_vars": {"OMP_NUM_THREADS": str(profile.cpus_per_network)}},
    }
    if profile.address == "local":
        # Activations go to the store, never through Ray's memory.
        options |= {"include_dashboard": False, "object_store_memory": 200 * 2**20}
    # Ray installs handlers that abort the process where ours would stop it cleanly.
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ray.init(profile.address, **options)
    except Exception as problem:
        raise ClusterError(
            f"Expected a Ray cluster at {profile.address!r}. Got: {problem}. Check the "
            "address, that the versions of Ray and Python agree, and RAY_AUTH_MODE."
        ) from problem
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                signal.signal(number, handler)


@contextmanager
def _private_folder() -> Iterator[None]:
    """A folder for a local Ray, and no authentication: it is on loopback and ends with us."""
    names = ("RAY_TMPDIR", "RAY_AUTH_MODE")
    before = {name: os.environ.get(name) for name in names}
    folder = tempfile.mkdtemp(prefix="repsim-ray-")
    os.environ.update(RAY_TMPDIR=folder, RAY_AUTH_MODE="disabled")
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
