"""Connecting to Ray: a private local one, or a cluster by address."""

import importlib.util
import logging
import os
import secrets
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import ray

from cluster.machine import given_memory, usable_cores
from cluster.schema import RayProfile
from repsim.errors import ClusterError, StudyError

__all__ = ["ray_session"]

log = logging.getLogger("repsim")

# Paths of sockets end at 107 characters, and Ray adds 88 to its folder: a batch system's TMPDIR is
# too long for it.
SHORT_FOLDER = Path("/tmp")

TOKEN_NOTE = " (asks for a token: set RAY_AUTH_TOKEN to one of your own before the run)"


@contextmanager
def ray_session(
    profile: RayProfile, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Ray, connected for the length of the block; its workers get the variables of `environment`.

    A local Ray gets a temporary folder of its own: an address file that a killed Ray left in the
    usual one makes the next start hang. Nothing that another user runs on the node is touched.

    Raises
    ------
    ClusterError
        When the cluster cannot be reached.
    StudyError
        When the dashboard is asked for, and what draws it is not installed.
    """
    local = profile.address == "local"
    if local and profile.dashboard and not importlib.util.find_spec("aiohttp"):
        raise StudyError(
            "Expected what Ray's dashboard needs. Got an environment without it. Install "
            "repsim-workflows[dashboards], or do without it."
        )
    note = "" if os.environ.get("RAY_AUTH_TOKEN", "").strip() else TOKEN_NOTE
    variables = {
        name: value
        for name, value in (environment or {}).items()
        if not (local and name.startswith("RAY_AUTH_"))  # who may use a local Ray is settled here
    }
    with _private() if local else nullcontext():
        context = _connect(profile, variables)
        if profile.dashboard:
            log.info("Ray dashboard: http://%s%s", context.dashboard_url, note if local else "")
        try:
            yield
        finally:
            ray.shutdown()


def _connect(profile: RayProfile, environment: Mapping[str, str]) -> Any:
    threads = {"OMP_NUM_THREADS": str(profile.cpus_per_network)}
    options: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.ERROR,
        "runtime_env": {"env_vars": {**threads, **environment}},
    }
    if profile.address == "local":
        options |= {
            "num_cpus": usable_cores(),
            "include_dashboard": profile.dashboard,
            # Activations go to the store, never through Ray's memory.
            "object_store_memory": 200 * 2**20,
            # Ray would keep back a third, in which a network that was given all has no room.
            "_memory": given_memory(),
        }
    # Ray installs handlers that abort the process where ours would stop it cleanly.
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return ray.init(profile.address, **options)
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
def _private() -> Iterator[None]:
    """A folder for a local Ray, and a token without which nobody else on the network may use it.

    Ray listens on all interfaces. The token is the user's RAY_AUTH_TOKEN, or made here, and stays
    in the environment: a process keeps the first one it has read. Where Ray finds none, or an empty
    one, it writes one into the home folder that lasts and that every user can read.
    """
    names = ("RAY_TMPDIR", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH")
    before = {name: os.environ.pop(name, None) for name in names}  # without a mode: by token
    folder = tempfile.mkdtemp(
        prefix="repsim-ray-", dir=SHORT_FOLDER if SHORT_FOLDER.is_dir() else None
    )
    os.environ["RAY_TMPDIR"] = folder
    if not os.environ.get("RAY_AUTH_TOKEN", "").strip():
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
