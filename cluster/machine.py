"""What of this machine a run may use."""

import os

from dask.system import CPU_COUNT

__all__ = ["given_memory", "usable_cores"]


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
