"""A Dask cluster on which nothing moves: what is said, and when the run ends."""

import logging
import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from distributed import wait
from distributed.scheduler import KilledWorker

from cluster import dask_progress
from cluster.dask_cluster import dask_session
from cluster.dask_progress import Motion, ProgressWatch, _motion
from cluster.schema import DaskProfile
from repsim.errors import ClusterError

QUIET = Motion(
    finished=3,
    deaths=(),
    over_memory=0,
    tasks=("reduce-1",),
    workers=("tcp://a (running)",),
    waiting=False,
)


class Scheduler:
    """Answers with what a test puts into it."""

    def __init__(self) -> None:
        self.motion = QUIET

    def run_on_scheduler(self, function: Callable[..., Any]) -> dict[str, Any]:
        """In place of a client's."""
        assert function is _motion
        return vars(self.motion).copy()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time pass."""
    now = 1000.0
    monkeypatch.setattr(dask_progress.time, "monotonic", lambda: now)

    def pass_time(seconds: float) -> None:
        nonlocal now
        now += seconds

    return pass_time


def changed(**fields: object) -> Motion:
    """A motion that differs from the quiet one."""
    return Motion(**{**vars(QUIET), **fields})


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What is logged."""
    logging.getLogger("repsim").propagate = True
    caplog.set_level(logging.INFO, logger="repsim")
    return caplog


def test_workers_that_die_again_and_again_end_the_run(
    later: Callable[[float], None], said: pytest.LogCaptureFixture
) -> None:
    scheduler = Scheduler()
    watch = ProgressWatch(scheduler)  # type: ignore[arg-type]
    later(6)
    watch.look()
    assert not said.text
    scheduler.motion = changed(deaths=("tcp://a",), over_memory=1)
    later(6)
    watch.look()
    assert (
        "Nothing moves: no task that ended for 6 s; 1 workers died, 1 for their memory" in said.text
    )
    assert "(the last: tcp://a)" in said.text
    assert "their tasks: reduce-1" in said.text
    scheduler.motion = changed(deaths=("tcp://a",) * 4, over_memory=4)
    later(60)
    watch.look()
    later(60)
    with pytest.raises(
        ClusterError, match=r"Expected tasks to end\. Got no task .* 4 workers died"
    ):
        watch.look()


def test_a_task_that_ends_starts_the_count_again(later: Callable[[float], None]) -> None:
    scheduler = Scheduler()
    watch = ProgressWatch(scheduler)  # type: ignore[arg-type]
    for number in range(20):
        scheduler.motion = changed(finished=number, deaths=("tcp://a",) * number)
        later(100)
        watch.look()


def test_a_long_task_ends_nothing_and_is_named(
    later: Callable[[float], None], said: pytest.LogCaptureFixture
) -> None:
    watch = ProgressWatch(Scheduler())  # type: ignore[arg-type]
    for _ in range(30):
        later(60)
        watch.look()
    assert 1 <= said.text.count("Nothing moves") <= 3
    assert "workers: tcp://a (running); their tasks: reduce-1" in said.text


def test_workers_that_take_no_tasks_end_the_run(later: Callable[[float], None]) -> None:
    scheduler = Scheduler()
    scheduler.motion = changed(waiting=True, tasks=(), workers=("tcp://a (paused)",))
    watch = ProgressWatch(scheduler)  # type: ignore[arg-type]
    later(6)
    watch.look()
    later(121)
    with pytest.raises(ClusterError, match=r"tcp://a \(paused\); their tasks: none"):
        watch.look()


def test_what_the_scheduler_knows() -> None:
    with dask_session(DaskProfile(workers=1)) as client:
        before = Motion(**client.run_on_scheduler(_motion))
        client.submit(sum, [1, 2]).result()
        after = Motion(**client.run_on_scheduler(_motion))
        assert after.finished == before.finished + 1
        assert (after.deaths, after.tasks) == ((), ())
        future = client.submit(time.sleep, 60, key="sleeper")
        time.sleep(0.5)
        busy = Motion(**client.run_on_scheduler(_motion))
        assert busy.tasks == ("sleeper",)
        assert not busy.waiting
        future.cancel()
        killer = client.submit(os._exit, 1)
        wait([killer], timeout=120)
        assert isinstance(killer.exception(), KilledWorker)
        assert len(Motion(**client.run_on_scheduler(_motion)).deaths) >= 4
