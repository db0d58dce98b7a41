"""The device a network is trained on, and how many threads it may use."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from repsim.errors import StudyError

__all__ = ["select_device", "thread_limit"]


def _present() -> list[str]:
    names = ["cpu"]
    if torch.cuda.is_available():
        names += ["cuda", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        names.append("mps")
    return names


def select_device(name: str = "auto") -> torch.device:
    """The device of that name; ``auto`` is the first GPU, then mps, then the CPU.

    Parameters
    ----------
    name
        ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.

    Raises
    ------
    StudyError
        If the device is not there.

    Examples
    --------
    >>> select_device("cpu")
    device(type='cpu')
    """
    present = _present()
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if kind in present)
    if name not in present:
        raise StudyError(
            f"Expected a device of this machine ({', '.join(present)}). Got {name!r}. "
            "Use 'auto' to take the best one that is there."
        )
    # "cuda" alone would follow torch's current device, which other code may change.
    return torch.device("cuda:0" if name == "cuda" else name)


@contextmanager
def thread_limit(threads: int | None) -> Iterator[None]:
    """Let torch use so many threads inside the block; None leaves it alone.

    A worker process that has imported torch keeps its thread count whatever OMP_NUM_THREADS says
    later, so a reused worker must be told here.
    """
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        if threads is not None:
            torch.set_num_threads(before)
