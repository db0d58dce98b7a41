"""What a task took: a plain value for each that ends, handed to whoever asked for it."""

import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from repsim.errors import PreemptedError
from repsim.store import counted

__all__ = ["Recorder", "TaskRecord", "process_seconds", "recorded"]


@dataclass(frozen=True, kw_only=True)
class TaskRecord:
    """One attempt at a task, which has ended."""

    time: str
    """When it ended: ISO 8601, UTC."""
    task: str
    """Its kind: ``train``, ``capture``, ``reduce``, ``match``, ..."""
    of: str
    """The network, comparison or tile it belongs to; with its ε, measure or part if it has one."""
    host: str
    process: int
    seconds: float
    cpu_seconds: float
    bytes_read: int
    """From the store, as is the next."""
    bytes_written: int
    status: Literal["done", "failed", "stopped"]
    """``stopped``: from outside; it goes on in the next run."""
    error: str | None = None


Recorder = Callable[[TaskRecord], None]


def process_seconds() -> float:
    """Processor seconds of this process with all its threads, and of its children that ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@contextmanager
def recorded(
    recorder: Recorder | None,
    task: str,
    of: str,
    *,
    cpu_clock: Callable[[], float] = time.thread_time,
) -> Iterator[None]:
    """Give `recorder` a record of the block when it has ended, however it ends.

    Parameters
    ----------
    recorder
        Without one nothing is measured.
    task, of
        As in the record.
    cpu_clock
        Processor seconds until now: of this thread, unless the block has others at work for it.
    """
    if recorder is None:
        yield
        return
    began, cpu_began = time.perf_counter(), cpu_clock()
    problem: BaseException | None = None
    with counted() as traffic:
        try:
            yield
        except BaseException as raised:
            problem = raised
            raise
        finally:
            recorder(
                TaskRecord(
                    time=datetime.now(UTC).isoformat(timespec="milliseconds"),
                    task=task,
                    of=of,
                    host=platform.node(),
                    process=os.getpid(),
                    seconds=round(time.perf_counter() - began, 6),
                    cpu_seconds=round(cpu_clock() - cpu_began, 6),
                    bytes_read=traffic.read,
                    bytes_written=traffic.written,
                    status=_status(problem),
                    error=None if problem is None else _text(problem),
                )
            )


def _text(problem: BaseException) -> str:
    # A name of a file that is no text would break the connection that carries the record.
    said = str(problem).encode(errors="backslashreplace").decode()
    return said or type(problem).__name__


def _status(problem: BaseException | None) -> Literal["done", "failed", "stopped"]:
    if problem is None:
        return "done"
    return "stopped" if isinstance(problem, PreemptedError) else "failed"
