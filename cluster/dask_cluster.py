"""Connecting to Dask: a local cluster, or a scheduler by address or by its file."""

import importlib.util
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import dask
from distributed import Client, performance_report
from distributed.worker_memory import parse_memory_limit

from cluster.limits import call_within
from cluster.machine import usable_cores
from cluster.private_dask import private_cluster
from cluster.run_folders import run_folder
from cluster.schema import DaskProfile, memory_bytes
from cluster.shell_limits import require_loopback
from repsim.errors import ClusterError, RepsimError, StudyError

__all__ = [
    "SCHEDULER_FILE",
    "WorkerSize",
    "check_dask",
    "dask_session",
    "local_worker_size",
    "worker_sizes",
]

log = logging.getLogger("repsim")

SCHEDULER_FILE = "file:"
WORKERS_SECONDS = 60.0
# Workers that a batch system starts import Python from a shared disk, all at once.
BATCH_SECONDS = 300.0
# How long a scheduler may take to answer, and the processes of a local cluster to start.
CONNECT_SECONDS = 10.0
START_SECONDS = 300.0


def check_dask(profile: DaskProfile) -> None:
    """Refuse what can be known to fail without connecting: to be called before networks are made.

    Raises
    ------
    StudyError
        When a dashboard or a report is asked for and what draws them is not installed, or Dask's
        own configuration asks for encryption that the address has not.
    """
    if (profile.dashboard or profile.performance_report) and not importlib.util.find_spec("bokeh"):
        raise StudyError(
            "Expected bokeh for Dask's dashboard and performance report. Got an environment "
            "without it. Install repsim-workflows[dashboards], or do without both."
        )
    scheme, colon, _ = profile.scheduler.partition("://")
    encrypted = dask.config.get("distributed.comm.require-encryption", default=False)
    if encrypted and colon and scheme != "tls":
        raise StudyError(
            "Expected a Dask scheduler at tls://..., since Dask's configuration asks for "
            "encryption (distributed.comm.require-encryption, which the variable "
            "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION sets). Got dask.scheduler = "
            f"{profile.scheduler!r}. Start the scheduler with certificates, or take the setting "
            "back."
        )
    certificates = ("ca-file", "client.cert", "client.key")
    for name in certificates if scheme == "tls" else ():
        file = dask.config.get(f"distributed.comm.tls.{name}", default=None)
        if file is None or ("\n" not in file and not Path(file).is_file()):
            raise StudyError(
                f"Expected certificates in Dask's configuration for {profile.scheduler}. Got "
                f"{file or 'nothing'} as distributed.comm.tls.{name}. Set "
                f"DASK_DISTRIBUTED__COMM__TLS__{name.replace('.', '__').upper()} to its file."
            )


@contextmanager
def dask_session(profile: DaskProfile, stop: threading.Event | None = None) -> Iterator[Client]:
    """A Dask client, connected for the length of the block. `stop` ends the wait for it.

    Certificates for ``tls://`` are those of Dask's own configuration, which the environment sets.

    Raises
    ------
    ClusterError
        When the scheduler cannot be reached, or has no workers in time.
    PreemptedError
        When `stop` was set while it connected.
    StudyError
        As `check_dask`.
    """
    check_dask(profile)
    with ExitStack() as stack:
        local = profile.scheduler == "local"
        stack.enter_context(_quiet(logging.CRITICAL if local else logging.WARNING))
        client = _connected(
            lambda: stack.enter_context(_local(profile)) if local else _remote(profile),
            profile,
            stop,
        )
        stack.enter_context(client)  # here: a context variable of Dask belongs to one thread
        if profile.dashboard:
            log.info("Dask dashboard: %s", client.dashboard_link)
        if profile.performance_report:
            stack.enter_context(_reported(Path(profile.performance_report)))
        yield client


@contextmanager
def _quiet(level: int) -> Iterator[None]:
    """Keep lines of Dask below `level` out of the log, which its own `silence_logs` does not."""
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


def _connected(
    connect: Callable[[], Client], profile: DaskProfile, stop: threading.Event | None
) -> Client:
    local = profile.scheduler == "local"
    try:
        return call_within(START_SECONDS if local else _seconds(profile), connect, stop=stop)
    except RepsimError:
        raise
    except Exception as problem:
        if local:
            raise ClusterError(
                f"Expected Dask workers to start on this machine. Got: {problem}. Check its free "
                "memory and `ulimit -a`, or start fewer (--cluster-set dask.workers=1)."
            ) from problem
        raise ClusterError(
            f"Expected a Dask scheduler with workers at {profile.scheduler}. Got: {problem}. "
            "Check the address, that the versions of Dask and Python agree, and with tls:// the "
            "certificates (DASK_DISTRIBUTED__COMM__TLS__...)."
        ) from problem


def _seconds(profile: DaskProfile) -> float:
    """How long a scheduler may take to answer and to have workers."""
    started_by_batch = profile.scheduler.startswith(SCHEDULER_FILE)
    return CONNECT_SECONDS + (BATCH_SECONDS if started_by_batch else WORKERS_SECONDS)


@contextmanager
def _local(profile: DaskProfile) -> Iterator[Client]:
    require_loopback()
    workers = usable_cores() if profile.workers == "auto" else profile.workers
    memory = profile.memory_per_worker
    with (
        run_folder("repsim-dask-") as scratch,
        dask.config.set({"distributed.admin.low-level-log-length": 100}),
        private_cluster(
            workers=workers,
            threads=profile.threads_per_worker,
            memory=None if memory is None else memory_bytes(memory),
            interface=profile.interface,
            folder=str(scratch),
            dashboard=profile.dashboard,
        ) as local,
    ):
        yield Client(local)


def _remote(profile: DaskProfile) -> Client:
    address = profile.scheduler
    if address.startswith(SCHEDULER_FILE):
        seconds = BATCH_SECONDS
        client = Client(scheduler_file=address.removeprefix(SCHEDULER_FILE), timeout=seconds)
    else:
        seconds = WORKERS_SECONDS
        client = Client(address, timeout=CONNECT_SECONDS)
    try:
        client.wait_for_workers(1, timeout=seconds)
    except BaseException:
        client.close(timeout=CONNECT_SECONDS)
        raise
    return client


@contextmanager
def _reported(file: Path) -> Iterator[None]:
    """Write the performance report however the block ends; what goes wrong with it ends nothing."""
    report = performance_report(filename=str(file))
    report.__enter__()
    try:
        yield
    finally:
        try:
            report.__exit__(None, None, None)
            log.info("Dask performance report: %s", file)
        except Exception as problem:
            log.warning("No Dask performance report: %s", problem)


@dataclass(frozen=True, kw_only=True)
class WorkerSize:
    """What a worker may use."""

    memory: int | None
    """Bytes; None where there is no limit."""
    threads: int


def worker_sizes(client: Client) -> list[WorkerSize]:
    """Of the workers that are there."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return [WorkerSize(memory=w["memory_limit"] or None, threads=w["nthreads"]) for w in workers]


def local_worker_size(profile: DaskProfile) -> WorkerSize:
    """Of the workers that a local cluster will have."""
    threads = profile.threads_per_worker
    asked = "auto" if profile.memory_per_worker is None else memory_bytes(profile.memory_per_worker)
    memory = parse_memory_limit(asked, threads, logger=logging.getLogger("distributed.worker"))
    return WorkerSize(memory=memory, threads=threads)
