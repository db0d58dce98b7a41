"""How many bytes a piece of work reads from stores and writes to them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["Traffic", "counted", "note_read", "note_written"]


@dataclass
class Traffic:
    """Bytes of files, as they are in the store: those of requests that succeeded."""

    read: int = 0
    written: int = 0


# Zarr's requests are made in a thread of its own, with the context of the thread that waits.
_counting: ContextVar[Traffic | None] = ContextVar("counting", default=None)


@contextmanager
def counted() -> Iterator[Traffic]:
    """Count what is read and written in the block, in this thread; other threads are not seen.

    Examples
    --------
    >>> with counted() as traffic:
    ...     note_read(3)
    >>> traffic
    Traffic(read=3, written=0)
    """
    traffic = Traffic()
    token = _counting.set(traffic)
    try:
        yield traffic
    finally:
        _counting.reset(token)


def note_read(count: int) -> None:
    """So many bytes were read."""
    traffic = _counting.get()
    if traffic is not None:
        traffic.read += count


def note_written(count: int) -> None:
    """So many bytes were written."""
    traffic = _counting.get()
    if traffic is not None:
        traffic.written += count
