"""Limits of the shell (`ulimit`) and of the sandbox under which libraries wait for ever."""

import os
import resource

import psutil

from repsim.errors import ClusterError, StudyError

__all__ = ["check_limits", "require_loopback"]

# Measured on two cores: importing PyTorch and reading from a store map 4.2 GB, a local Ray 6.8 GB.
# Each thread maps its stack and an arena besides; below this a thread that does not start makes
# others wait for it for ever.
LEAST_ADDRESS_SPACE = 12 * 2**30
LEAST_FILES = 256
# A local Ray has 300 on two cores. Each thread counts, of all processes of the user.
LEAST_THREADS = 256
# So many are enough for any run, and not counted: that takes time where there are many.
ENOUGH_THREADS = 8192


def check_limits() -> None:
    """Refuse limits of the shell under which libraries wait for ever.

    Raises
    ------
    StudyError
        When the address space, or the number of open files or of processes, is limited too
        tightly.
    """
    space, _ = resource.getrlimit(resource.RLIMIT_AS)
    if space != resource.RLIM_INFINITY and space < LEAST_ADDRESS_SPACE:
        raise StudyError(
            f"Expected at least {LEAST_ADDRESS_SPACE // 2**30} GiB of address space, most of which "
            f"is never used as memory. Got a limit of {space / 2**30:.1f} GiB. Remove it with "
            "ulimit -v unlimited; to limit memory, use ray.memory_per_network and "
            "dask.memory_per_worker of the profile."
        )
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files != resource.RLIM_INFINITY and files < LEAST_FILES:
        raise StudyError(
            f"Expected to be allowed {LEAST_FILES} open files. Got a limit of {files}. Raise it "
            f"with ulimit -n {max(LEAST_FILES, min(most, 4096))}."
        )
    threads, most = resource.getrlimit(resource.RLIMIT_NPROC)
    # Root is not limited.
    if os.getuid() != 0 and threads != resource.RLIM_INFINITY and threads < ENOUGH_THREADS:
        used = _threads_of(os.getuid())
        if threads - used < LEAST_THREADS:
            raise StudyError(
                f"Expected to be allowed {LEAST_THREADS} more processes and threads. Got a limit "
                f"of {threads}, of which this user has {used}. Raise it with ulimit -u "
                f"{max(used + LEAST_THREADS, min(most, ENOUGH_THREADS))}, or end other programs."
            )


def require_loopback() -> None:
    """Refuse a machine on which the processes of a local Ray or Dask cannot talk to each other.

    Raises
    ------
    ClusterError
        When 127.0.0.1 takes no connection: Ray tries for minutes.
    """
    from cluster.doctor.machine import check_loopback

    finding = check_loopback()
    if finding.verdict == "problem":
        raise ClusterError(
            f"Expected to start Ray and Dask on this machine. Got: {finding.found}. "
            f"{finding.remedy}"
        )


def _threads_of(user: int) -> int:
    """How many threads all processes of a user have."""
    found = psutil.process_iter(["uids", "num_threads"])
    return sum(
        process.info["num_threads"] or 0
        for process in found
        if process.info["uids"] is not None and process.info["uids"].real == user
    )
