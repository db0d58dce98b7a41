"""Signals that end a command: at once, or after what is in hand is safe."""

import logging
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["StoppedAtOnce", "end_on_signals", "stop_on_signals"]

log = logging.getLogger("repsim")


class StoppedAtOnce(SystemExit):
    """A signal ended the command: no `except Exception` on the way takes it for a failure.

    Parameters
    ----------
    signal_name
        Which one, such as ``SIGTERM``.
    """

    def __init__(self, signal_name: str) -> None:
        super().__init__(75)
        self.signal_name = signal_name


@contextmanager
def end_on_signals() -> Iterator[None]:
    """In the block SIGTERM and SIGHUP raise `StoppedAtOnce`, also while a study is read.

    SIGINT stays `KeyboardInterrupt`.
    """
    with _handled((signal.SIGTERM, signal.SIGHUP), _end):
        yield


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that SIGINT, SIGTERM, SIGHUP and SIGUSR2 set; a second one ends the process at once.

    SIGUSR2 is the warning of a batch system that time is nearly up.
    """
    stop = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            _end(number, frame)
        log.warning("%s: stopping. Once more to end at once.", signal.Signals(number).name)
        stop.set()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2, signal.SIGHUP)
    with _handled(numbers, handle):
        yield stop


@contextmanager
def _handled(
    numbers: Iterable[signal.Signals], handler: Callable[[int, FrameType | None], None]
) -> Iterator[None]:
    """Handle these signals in the block, save a SIGHUP that nohup has set to be ignored."""
    before = {}
    for number in numbers:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    raise StoppedAtOnce(signal.Signals(number).name)
