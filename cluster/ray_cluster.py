"""Connecting to Ray: a private local one, or a cluster by address."""

import importlib.util
import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ray
from ray._private import ray_constants, worker

from cluster.limits import call_within
from cluster.machine import given_memory, usable_cores
from cluster.run_folders import run_folder
from cluster.schema import RayProfile
from cluster.shell_limits import require_loopback
from repsim.errors import ClusterError, PreemptedError, StudyError

__all__ = ["ray_session"]

log = logging.getLogger("repsim")

# Paths of sockets end at 107 characters, and Ray adds 88 to its folder: a batch system's TMPDIR is
# too long for it.
SHORT_FOLDER = Path("/tmp")

# How long a port may take to accept, and a cluster to answer: Ray itself takes six minutes.
PORT_SECONDS = 10.0
CONNECT_SECONDS = 50.0
# How long the processes of a local Ray may take to start, on a busy machine.
START_SECONDS = 300.0
END_SECONDS = 60.0

# Which Ray takes for itself.
SIGNALS = (signal.SIGINT, signal.SIGTERM)

TOKEN_NOTE = " (asks for a token: set RAY_AUTH_TOKEN to one of your own before the run)"


@contextmanager
def ray_session(
    profile: RayProfile,
    environment: Mapping[str, str] | None = None,
    stop: threading.Event | None = None,
) -> Iterator[None]:
    """Ray, connected for the length of the block; its workers get the variables of `environment`.

    `stop` ends the wait for a connection.

    A local Ray gets a temporary folder of its own: an address file that a killed Ray left in the
    usual one makes the next start hang. Nothing that another user runs on the node is touched.

    Raises
    ------
    ClusterError
        When the cluster cannot be reached, or does not answer in time.
    PreemptedError
        When `stop` was set while it connected.
    StudyError
        When the dashboard is asked for, and what draws it is not installed.
    """
    local = profile.address == "local"
    if local and profile.dashboard and not importlib.util.find_spec("aiohttp"):
        raise StudyError(
            "Expected what Ray's dashboard needs. Got an environment without it. Install "
            "repsim-workflows[dashboards], or do without it."
        )
    if local:
        require_loopback()
    note = "" if os.environ.get("RAY_AUTH_TOKEN", "").strip() else TOKEN_NOTE
    variables = {
        name: value
        for name, value in (environment or {}).items()
        if not (local and name.startswith("RAY_AUTH_"))  # who may use a local Ray is settled here
    }
    ended = threading.Event()
    with _private() if local else nullcontext():
        try:
            context = _connect(profile, variables, stop, ended)
            if profile.dashboard:
                log.info("Ray dashboard: http://%s%s", context.dashboard_url, note if local else "")
            try:
                yield
            finally:
                _disconnect()
        finally:
            ended.set()


def _disconnect() -> None:
    try:
        call_within(END_SECONDS, ray.shutdown)
    except TimeoutError as problem:
        log.warning("Ray did not let go of its connection: %s", problem)
    if threading.current_thread() is threading.main_thread():
        # Ray's end sets SIGTERM back to killing the process, behind Python's back.
        for number in SIGNALS:
            signal.signal(number, signal.getsignal(number))


def _connect(
    profile: RayProfile,
    environment: Mapping[str, str],
    stop: threading.Event | None,
    ended: threading.Event,
) -> Any:
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
    worker.print_to_stdstream = _log_message
    # Ray installs handlers that abort the process where ours would stop it cleanly.
    handlers = {number: signal.getsignal(number) for number in SIGNALS}

    def connect() -> Any:
        _check_port(profile.address)
        return ray.init(profile.address, **options)

    seconds = START_SECONDS if profile.address == "local" else CONNECT_SECONDS
    try:
        return call_within(seconds, connect, stop=stop, until=ended)
    except PreemptedError:
        raise
    except Exception as problem:
        if profile.address == "local":
            raise ClusterError(
                f"Expected Ray to start on this machine. Got: {problem}. Check its free memory, "
                "/tmp, /dev/shm and `ulimit -a` (`repsim doctor` does)."
            ) from problem
        raise ClusterError(
            f"Expected a Ray cluster at {profile.address!r}. Got: {problem}. Check the "
            "address, that the versions of Ray and Python agree, and RAY_AUTH_MODE."
        ) from problem
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                signal.signal(number, handler)


def _log_message(message: Mapping[str, Any], ignore_prefix: bool) -> None:
    """What Ray says of nodes and workers, to the log: Ray prints it to stdout, in colour."""
    del ignore_prefix
    log.warning("Ray: %s", "\n".join(message["lines"]).strip())


def _check_port(address: str) -> None:
    """Find out in seconds that nobody listens at ``host:port``: Ray itself takes minutes."""
    place = urlsplit(address if "://" in address else f"//{address}")
    if place.hostname is not None and place.port is not None:
        with socket.create_connection((place.hostname, place.port), timeout=PORT_SECONDS):
            pass


@contextmanager
def _private() -> Iterator[None]:
    """A folder for a local Ray, its token, and 127.0.0.1 as the only address it listens on.

    The token is the user's RAY_AUTH_TOKEN, or made here, and stays in the environment: a process
    keeps the first one it has read. Where Ray finds none, or an empty one, it writes one into the
    home folder that lasts and that every user can read.
    """
    names = ("RAY_TMPDIR", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH")
    with run_folder("repsim-ray-", SHORT_FOLDER if SHORT_FOLDER.is_dir() else None) as folder:
        before = {name: os.environ.pop(name, None) for name in names}  # without a mode: by token
        os.environ["RAY_TMPDIR"] = str(folder)
        if not os.environ.get("RAY_AUTH_TOKEN", "").strip():
            os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
        # Ray's own switch for machines that are no cluster, which it reads from the environment
        # when it is imported. `_node_ip_address` does not do: Ray takes 127.0.0.1 for a mistake.
        clusters, ray_constants.ENABLE_RAY_CLUSTER = ray_constants.ENABLE_RAY_CLUSTER, False
        try:
            yield
        finally:
            ray_constants.ENABLE_RAY_CLUSTER = clusters
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
