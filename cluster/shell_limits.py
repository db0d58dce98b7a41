"""Limits of the shell (`ulimit`) under which libraries wait for ever."""

import resource

from repsim.errors import StudyError

__all__ = ["check_limits"]

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
