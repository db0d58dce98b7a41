"""What of this machine a run may use."""

import os
import resource

from dask.system import CPU_COUNT

from repsim.errors import StudyError

__all__ = ["check_limits", "given_memory", "usable_cores"]

# Measured on two cores: importing PyTorch and reading from a store map 4.2 GB, a local Ray 6.8 GB.
# Each thread maps its stack and an arena besides; below this a thread that does not start makes
# others wait for it for ever.
LEAST_ADDRESS_SPACE = 12 * 2**30
LEAST_FILES = 256


def check_limits() -> None:
    """Refuse limits of the shell under which libraries wait for ever.

    Raises
    ------
    StudyError
        When the address space or the number of open files is limited too tightly.
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


def usable_cores() -> int:
    """Cores that are ours: of the machine, less what affinity, a container or Slurm keeps back.

    Slurm need not bind a job to the cores that it gave it, so that only a variable says how many.
    """
    here: int = CPU_COUNT
    given = os.environ.get("SLURM_CPUS_ON_NODE", "")
    return min(here, int(given)) if given.isdigit() else here


def given_memory() -> int | None:
    """Bytes that Slurm gave to this job on this node; None where it did not say."""
    given = os.environ.get("SLURM_MEM_PER_NODE", "")
    return int(given) * 2**20 if given.isdigit() and int(given) else None
