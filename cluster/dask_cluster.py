"""Connecting to Dask: a local cluster, or a scheduler by address or by its file."""

import importlib.util
import logging
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dask
from distributed import Client, LocalCluster, performance_report

from cluster.machine import usable_cores
from cluster.schema import DaskProfile, memory_bytes
from repsim.errors import ClusterError, StudyError

__all__ = ["SCHEDULER_FILE", "check_dask", "dask_session", "task_memory"]

log = logging.getLogger("repsim")

SCHEDULER_FILE = "file:"
WORKERS_SECONDS = 60.0
# Workers that a batch system starts import Python from a shared disk, all at once.
BATCH_SECONDS = 300.0


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
def dask_session(profile: DaskProfile) -> Iterator[Client]:
    """A Dask client, connected for the length of the block.

    Certificates for ``tls://`` are those of Dask's own configuration, which the environment sets.

    Raises
    ------
    ClusterError
        When the scheduler cannot be reached, or has no workers in time.
    StudyError
        As `check_dask`.
    """
    check_dask(profile)
    with ExitStack() as stack:
        local = profile.scheduler == "local"
        client = stack.enter_context(_local(profile)) if local else _remote(stack, profile)
        if profile.dashboard:
            log.info("Dask dashboard: %s", client.dashboard_link)
        if profile.performance_report:
            stack.enter_context(_reported(Path(profile.performance_report)))
        yield client


@contextmanager
def _local(profile: DaskProfile) -> Iterator[Client]:
    workers = usable_cores() if profile.workers == "auto" else profile.workers
    memory = profile.memory_per_worker
    with (
        tempfile.TemporaryDirectory(prefix="repsim-dask-", ignore_cleanup_errors=True) as scratch,
        dask.config.set({"distributed.admin.low-level-log-length": 100}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=profile.threads_per_worker,
            memory_limit="auto" if memory is None else memory_bytes(memory),
            processes=True,
            interface=profile.interface or None,
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": profile.dashboard},
            local_directory=scratch,
            silence_logs=logging.CRITICAL,
        ) as local,
        Client(local) as client,
    ):
        yield client


def _remote(stack: ExitStack, profile: DaskProfile) -> Client:
    address = profile.scheduler
    file = address.removeprefix(SCHEDULER_FILE) if address.startswith(SCHEDULER_FILE) else None
    seconds = WORKERS_SECONDS if file is None else BATCH_SECONDS
    try:
        if file is None:
            client = stack.enter_context(Client(address, timeout="10s"))
        else:
            client = stack.enter_context(Client(scheduler_file=file, timeout=seconds))
        client.wait_for_workers(1, timeout=seconds)
    except Exception as problem:
        raise ClusterError(
            f"Expected a Dask scheduler with workers at {address}. Got: {problem}. "
            "Check the address, that the versions of Dask and Python agree, and with tls:// the "
            "certificates (DASK_DISTRIBUTED__COMM__TLS__...)."
        ) from problem
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


def task_memory(client: Client) -> float:
    """Bytes that one task may use: the least of memory limit / threads over all workers."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    limits = [worker["memory_limit"] / worker["nthreads"] for worker in workers]
    return min((limit for limit in limits if limit), default=float("inf"))
