"""Calls of libraries that wait for ever: with a limit, and ended by a signal."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from repsim.errors import PreemptedError

__all__ = ["call_aside", "call_within", "calls_left"]

Result = TypeVar("Result")

THREAD = "repsim-call-with-a-limit"
POLL_SECONDS = 0.1


def call_within(
    seconds: float,
    action: Callable[[], Result],
    *,
    stop: threading.Event | None = None,
    until: threading.Event | None = None,
) -> Result:
    """The result of `action`, which is called in a thread of its own.

    The main thread stays free to handle signals. No thread can be stopped: one whose time is up is
    left behind, and `calls_left` tells the command to end without it.

    Parameters
    ----------
    seconds
        The limit.
    action
        What is called.
    stop
        Ends the wait when it is set.
    until
        The thread lives until this is set: Linux kills the processes that Ray starts when the
        thread that started them ends.

    Raises
    ------
    TimeoutError
        When the limit is reached.
    PreemptedError
        When `stop` was set.
    """
    future = call_aside(action, until=until)
    deadline = time.monotonic() + seconds
    while not future.done():
        if stop is not None and stop.is_set():
            raise PreemptedError("Stopped while it connected. Run again to go on.")
        if time.monotonic() > deadline:
            raise TimeoutError(f"no answer within {seconds:.0f} s")
        try:
            return future.result(timeout=POLL_SECONDS)
        except TimeoutError:
            continue  # of the poll; what the action raised is raised below
    return future.result()


def call_aside(
    action: Callable[[], Result], *, until: threading.Event | None = None
) -> Future[Result]:
    """What `action` will return, which is called in a thread of its own; as `call_within`."""
    future: Future[Result] = Future()

    def call() -> None:
        try:
            result = action()
        except BaseException as problem:
            future.set_exception(problem)
            return
        if until is not None:
            threading.current_thread().name = f"{THREAD} (done)"
        future.set_result(result)
        if until is not None:
            until.wait()

    threading.Thread(target=call, name=THREAD, daemon=True).start()
    return future


def calls_left() -> bool:
    """Whether a call was left behind: the interpreter would wait for it at its end."""
    return any(thread.name == THREAD for thread in threading.enumerate())
