"""Calls with a limit: their result, their error, and what ends the wait for them."""

import threading
import time

import pytest

from cluster.limits import call_within, calls_left
from repsim.errors import PreemptedError


def test_a_result_is_returned_and_an_error_raised() -> None:
    assert call_within(10, lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        call_within(10, lambda: 1 // 0)

    def times_out() -> None:
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        call_within(10, times_out)
    assert not calls_left()


def test_a_call_that_takes_longer_is_left_behind() -> None:
    release = threading.Event()
    with pytest.raises(TimeoutError, match="no answer within 0 s"):
        call_within(0.2, release.wait)
    assert calls_left()
    release.set()


def test_a_stop_ends_the_wait() -> None:
    release, stop = threading.Event(), threading.Event()
    threading.Timer(0.2, stop.set).start()
    before = time.monotonic()
    with pytest.raises(PreemptedError, match="Stopped while it connected"):
        call_within(60, release.wait, stop=stop)
    assert time.monotonic() - before < 10
    release.set()


def test_the_thread_lives_as_long_as_what_it_started() -> None:
    ended = threading.Event()
    thread = call_within(10, threading.current_thread, until=ended)
    assert thread.is_alive()
    assert not calls_left()
    ended.set()
    thread.join(10)
    assert not thread.is_alive()
