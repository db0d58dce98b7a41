"""Signals that stop a run: noticed wherever the main thread is, and obeyed in time.

A handler in Python runs when the main thread gets back to Python, and a library may replace it. So
a thread listens, too: the interpreter writes each signal to a pipe when it arrives. When the main
thread has not ended in time, the thread ends the process. Nothing is lost by that: an artifact is
published by its marker, or is not there.
"""

import contextlib
import logging
import math
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from repsim.errors import PreemptedError

__all__ = ["GRACE_SECONDS", "Interrupted", "end_at_once", "stop_on_signal"]

log = logging.getLogger("repsim")

# From the first signal to the end of the process. Networks in training get 20 s for a checkpoint,
# and Slurm and Kubernetes kill a job 30 s after its SIGTERM.
GRACE_SECONDS = 27.0
# From the second signal, when the main thread is to end at once.
HASTE_SECONDS = 3.0
POLL_SECONDS = 0.25
MOMENT_SECONDS = 1.0

# SIGUSR1 and SIGUSR2 are warnings of batch systems that time is nearly up.
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class Interrupted(SystemExit):
    """Raised in the main thread by a signal that ends it wherever it is.

    Not a KeyboardInterrupt, of which typer makes exit code 130.
    """

    def __init__(self, number: int) -> None:
        super().__init__(PreemptedError.exit_code)
        self.number = number


@contextmanager
def stop_on_signal(*, at_once: bool = False) -> Iterator[threading.Event]:
    """An event that the signals of `STOPS` set.

    The second signal ends the main thread wherever it is, with SystemExit and exit code 75; with
    `at_once` the first one does. The process ends with 75 in any case when the block has not ended
    `GRACE_SECONDS` after the first signal. SIGHUP is ignored under ``nohup``. Outside the main
    thread, which alone may handle signals, the event is never set.
    """
    stop, ended = threading.Event(), threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    handled = 0

    def handle(number: int, frame: Any) -> None:
        nonlocal handled
        del frame
        handled += 1
        stop.set()
        if handled > 1 or at_once:
            raise Interrupted(number)

    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    # What `nohup` asks for.
    numbers = [n for n in STOPS if (n, signal.getsignal(n)) != (signal.SIGHUP, signal.SIG_IGN)]
    handlers = {number: signal.signal(number, handle) for number in numbers}
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    watchdog = threading.Thread(target=_watch, args=(reader, stop, ended, at_once), daemon=True)
    with contextlib.suppress(
        RuntimeError
    ):  # the limit of threads is reached: `check_limits` says it
        watchdog.start()
    try:
        yield stop
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        ended.set()
        os.close(writer)  # wakes the thread
        if watchdog.ident is not None:
            watchdog.join()
        os.close(reader)


def end_at_once(code: int) -> NoReturn:
    """End the process without waiting for its other threads; what they wrote is flushed."""

    def flush() -> None:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()

    _in_a_moment(flush)
    os._exit(code)


def _watch(reader: int, stop: threading.Event, ended: threading.Event, at_once: bool) -> None:
    """Set `stop` at the first signal, and end the process where `ended` is not set in time."""
    deadline = math.inf
    while not ended.is_set():
        for number in _arrived(reader):
            again = stop.is_set() and deadline < math.inf
            stop.set()
            hasty = at_once or again
            limit = time.monotonic() + (HASTE_SECONDS if hasty else GRACE_SECONDS)
            deadline = min(deadline, limit)
            words = "ending at once" if hasty else "stopping. Once more to end at once"
            _warn(f"{signal.Signals(number).name}: {words}. What is finished is kept.")
        if time.monotonic() > deadline:
            _warn("The run did not end by itself in time: ended.")
            end_at_once(PreemptedError.exit_code)


def _arrived(reader: int) -> list[int]:
    """The signals that arrive within a moment."""
    if not select.select([reader], [], [], POLL_SECONDS)[0]:
        return []
    return [number for number in os.read(reader, 64) if number in STOPS]


def _warn(message: str) -> None:
    _in_a_moment(lambda: log.warning(message))


def _in_a_moment(action: Callable[[], object]) -> None:
    """Do it unless it takes long: the main thread may hold the lock of a stream nobody reads."""

    def attempt() -> None:
        with contextlib.suppress(Exception):
            action()

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(MOMENT_SECONDS)
