"""One run of a study at a time; the lock is gone with its process, however that ended."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from repsim.errors import ActiveRunError, StoreError
from repsim.store import Store, lock, run_lock
from tests.s3_server import BUCKET, S3Server, s3_server

# The periods of a lease, so short that a test need not wait.
RENEW, LEASE, WATCH = 0.2, 1.2, 0.05

HOLD = f"""
import sys, time
from repsim.store import Store, lock, run_lock
lock.RENEW_SECONDS, lock.LEASE_SECONDS, lock.WATCH_SECONDS = {RENEW}, {LEASE}, {WATCH}
with run_lock(Store(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def bucket(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store in a bucket, and leases that end soon."""
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    for name, value in {"RENEW": RENEW, "LEASE": LEASE, "WATCH": WATCH}.items():
        monkeypatch.setattr(lock, f"{name}_SECONDS", value)
    server.misbehave()
    return Store(f"s3://{BUCKET}/{time.monotonic_ns()}")


@pytest.fixture(params=["a folder", "a bucket"])
def place(request: pytest.FixtureRequest) -> Store:
    """A store of either kind."""
    name = "store" if request.param == "a folder" else "bucket"
    store: Store = request.getfixturevalue(name)
    return store


@contextmanager
def another_process_that_holds(store: Store) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the study "digits"."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, store.location, "digits"], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_run_is_refused_until_the_first_is_killed(place: Store) -> None:
    with another_process_that_holds(place) as holder:
        for _ in range(2):
            with (
                pytest.raises(ActiveRunError, match=r"'digits' in .*Got one that is active\. Wait"),
                run_lock(place, "digits"),
            ):
                pass
        assert ActiveRunError("x").exit_code == 6
        with run_lock(place, "another study"):
            pass
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        with run_lock(place, "digits"):
            pass


def test_the_lock_is_let_go_of_after_an_error(place: Store) -> None:
    with pytest.raises(KeyError), run_lock(place, "digits"):
        raise KeyError
    started = time.monotonic()
    with run_lock(place, "digits"):
        pass
    assert time.monotonic() - started < LEASE


def test_an_error_inside_is_not_taken_for_one_of_the_lock(place: Store) -> None:
    with pytest.raises(TimeoutError, match="of the run itself"), run_lock(place, "digits"):
        raise TimeoutError("of the run itself")


def dead_lease(store: Store) -> None:
    """What a run leaves behind that was killed."""
    store.write("studies/digits/run.lock", b"0123456789abcdef 7")


def test_a_lease_that_nobody_renews_is_waited_out(
    bucket: Store, caplog: pytest.LogCaptureFixture
) -> None:
    dead_lease(bucket)
    started = time.monotonic()
    with caplog.at_level(logging.INFO), run_lock(bucket, "digits"):
        assert LEASE <= time.monotonic() - started < LEASE + 2
    assert "watching whether it still is" in caplog.text


def test_a_clock_that_jumps_ends_no_lease_and_keeps_none(
    bucket: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10**9, 86400))  # another day whenever it is looked at
    with another_process_that_holds(bucket), monkeypatch.context() as jumping:
        jumping.setattr(time, "time", lambda: float(next(clock)))
        with pytest.raises(ActiveRunError), run_lock(bucket, "digits"):
            pass
    backwards = iter(range(10**9, 0, -86400))
    dead_lease(bucket)
    with monkeypatch.context() as jumping:
        jumping.setattr(time, "time", lambda: float(next(backwards)))
        started = time.monotonic()
        with run_lock(bucket, "digits"):
            assert time.monotonic() - started < LEASE + 2


def test_of_many_runs_that_find_a_dead_lease_one_takes_it_over(bucket: Store) -> None:
    dead_lease(bucket)
    outcomes: list[str] = []
    done = threading.Event()

    def run() -> None:
        try:
            with run_lock(bucket, "digits"):
                outcomes.append("held")
                done.wait(10)
        except ActiveRunError:
            outcomes.append("refused")

    threads = [threading.Thread(target=run) for _ in range(5)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while len(outcomes) < len(threads) and time.monotonic() < deadline:
        time.sleep(0.05)
    done.set()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["held", *["refused"] * 4]


def test_a_live_lease_is_kept_while_the_server_misbehaves(bucket: Store, server: S3Server) -> None:
    server.misbehave(failing=0.1, failing_after=0.05, dropped=0.05, cut=0.05, slow=0.2, delay=0.05)
    with run_lock(bucket, "digits"):
        for _ in range(3):
            with pytest.raises(ActiveRunError), run_lock(bucket, "digits"):
                pass
            time.sleep(LEASE / 3)
    assert server.harmed.total() > 0
    assert bucket.read("studies/digits/run.lock") == lock.FREE


def test_who_was_taken_for_dead_leaves_the_lease_to_the_other(
    bucket: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with run_lock(bucket, "digits"):
        dead_lease(bucket)  # as if another had taken it over while this one slept
        time.sleep(2 * RENEW)
        assert "another run took this study over" in caplog.text
    assert bucket.read("studies/digits/run.lock") == b"0123456789abcdef 7"


@pytest.mark.parametrize("error", [KeyError, StoreError])
def test_a_store_that_is_gone_at_the_end_hides_no_error_of_the_run(
    bucket: Store, server: S3Server, error: type[Exception]
) -> None:
    def run() -> None:
        with run_lock(bucket, "digits"):
            server.misbehave(denied=1.0)
            raise error("of the run itself")

    with pytest.raises(error, match="of the run itself"):
        run()
    with pytest.raises(StoreError, match="403"), run_lock(bucket, "digits"):
        pass


def test_after_an_error_of_the_store_it_is_not_asked_again(
    bucket: Store, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "RENEW_SECONDS", 60.0)

    def run() -> None:
        with run_lock(bucket, "digits"):
            server.misbehave()
            raise StoreError("gone")

    with pytest.raises(StoreError, match="gone"):
        run()
    assert server.requests == []


def test_a_lease_outlives_some_renewals_that_fail() -> None:
    """As shipped; tests shorten it."""
    assert lock.LEASE_SECONDS >= 4 * lock.RENEW_SECONDS
