"""Connecting to Dask: a local cluster, or a scheduler by address."""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import dask
from distributed import Client, LocalCluster

from cluster.profile import DaskProfile
from repsim.errors import ClusterError

__all__ = ["dask_session", "task_memory"]


@contextmanager
def dask_session(profile: DaskProfile) -> Iterator[Client]:
    """A Dask client, connected for the length of the block.

    Raises
    ------
    ClusterError
        When the scheduler cannot be reached, or has no workers within a minute.
    """
    if profile.scheduler != "local":
        try:
            client = Client(profile.scheduler, timeout="10s")
            client.wait_for_workers(1, timeout=60)
        except Exception as problem:
            raise ClusterError(
                f"Expected a Dask scheduler with workers at {profile.scheduler}. Got: {problem}. "
                "Check the address, and that the versions of Dask and Python agree."
            ) from problem
        with client:
            yield client
        return
    workers = os.cpu_count() or 1 if profile.workers == "auto" else profile.workers
    with (
        tempfile.TemporaryDirectory(prefix="repsim-dask-", ignore_cleanup_errors=True) as scratch,
        dask.config.set({"distributed.admin.low-level-log-length": 100}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=profile.threads_per_worker,
            processes=True,
            dashboard_address=None,
            local_directory=scratch,
            silence_logs=logging.CRITICAL,
        ) as local,
        Client(local) as client,
    ):
        yield client


def task_memory(client: Client) -> float:
    """Bytes that one task may use: the least of memory limit / threads over all workers."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    limits = [worker["memory_limit"] / worker["nthreads"] for worker in workers]
    return min((limit for limit in limits if limit), default=float("inf"))
