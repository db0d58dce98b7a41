"""Sizes that no machine has: an error in words, instead of what an allocator says."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from repsim.errors import StudyError

__all__ = ["physical_memory", "sizes_in_words"]

# How torch and numpy say that an array is too large, for which they have no exception of their own.
_TOO_LARGE = (
    "Maximum allowed size exceeded",
    "Maximum allowed dimension exceeded",
    "array is too big",
    "can't allocate memory",
    "Storage size calculation overflowed",
    "numel: integer",
    "Overflow when unpacking",
)


def physical_memory() -> int:
    """Bytes of memory that this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@contextmanager
def sizes_in_words(what: str) -> Iterator[None]:
    """Refuse what does not fit in memory, or whose size is no number of 64 bits.

    Parameters
    ----------
    what
        Words for the message, such as ``"dataset 'synthetic'"``.

    Raises
    ------
    StudyError
        The block could not allocate what it needs.
    """
    try:
        yield
    except (MemoryError, OverflowError) as problem:
        raise StudyError(_message(what, problem)) from problem
    except (RuntimeError, TypeError, ValueError) as problem:
        if not any(words in str(problem) for words in _TOO_LARGE):
            raise
        raise StudyError(_message(what, problem)) from problem


def _message(what: str, problem: Exception) -> str:
    said = str(problem).partition("\n")[0].rstrip(".") or type(problem).__name__
    return (
        f"Expected {what} of a size that fits in the memory of this machine. Got: {said}. "
        "Choose smaller sizes, or plan the study on a larger machine."
    )
