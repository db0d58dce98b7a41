"""One run of a study at a time; the lock is gone with its process, however that ended."""

import os
import signal
import subprocess
import sys

import pytest

from repsim.errors import ActiveRunError
from repsim.store import run_lock

HOLD = """
import sys, time
from repsim.store import Store, run_lock
with run_lock(Store(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(store):
    """Another process that holds the study "digits"."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, store.location, "digits"], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_run_is_refused_until_the_first_is_killed(store, holder):
    with (
        pytest.raises(ActiveRunError, match=r"'digits' in .*runs\. Got one that is active\. Wait"),
        run_lock(store, "digits"),
    ):
        pass
    assert ActiveRunError("x").exit_code == 6
    with run_lock(store, "another study"):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with run_lock(store, "digits"):
        pass


def test_the_lock_is_let_go_of_after_an_error(store):
    with pytest.raises(KeyError), run_lock(store, "digits"):
        raise KeyError
    with run_lock(store, "digits"):
        pass


def test_an_error_inside_is_not_taken_for_one_of_the_lock(store):
    with pytest.raises(TimeoutError, match="of the run itself"), run_lock(store, "digits"):
        raise TimeoutError("of the run itself")
