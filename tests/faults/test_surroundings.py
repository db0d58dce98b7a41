"""What surrounds a run fails: the disk is full, the scheduler is gone, the clock jumps."""

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from repsim.errors import StoreError
from tests.faults.forks import fork
from tests.faults.publication_points import run_inline
from tests.runs import assert_same_results, finish, run, start, study_file, wait_for

FULL = 4_000  # bytes that fit: markers and the study do, arrays do not


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, fault_study: Path) -> Path:
    store = tmp_path_factory.mktemp("clean") / "runs"
    run_inline(fault_study, store)
    return store


def run_on_a_full_disk(study: Path, store: Path) -> None:
    """No file can grow beyond a limit: the writes of the kernel itself fail, as when it is full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL, FULL))
    try:
        run_inline(study, store)
    except StoreError as problem:
        sys.exit(problem.exit_code)


def test_a_full_disk_is_said_and_loses_nothing(
    clean: Path, fault_study: Path, tmp_path: Path
) -> None:
    store = tmp_path / "runs"
    process = fork(run_on_a_full_disk, fault_study, store)
    process.join()
    assert process.exitcode == 4
    assert not list(store.glob("*/*/marker.json"))
    assert run_inline(fault_study, store).exit_code == 0
    assert_same_results(store, clean)


@pytest.mark.parametrize("days", [-400, 400])
def test_a_clock_that_jumps_changes_nothing(
    days: int, clean: Path, fault_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "runs"
    now = datetime.now().timestamp()
    run_inline(fault_study, store, "training.epochs=1")
    monkeypatch.setattr("time.time", lambda: now + timedelta(days=days).total_seconds())
    run_inline(fault_study, store)
    assert_same_results(store, clean)


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A Dask scheduler with one worker, in processes of their own."""
    port = "38786"
    address = f"tcp://127.0.0.1:{port}"
    common = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard"]
    first = subprocess.Popen(
        [*common, "--host", "127.0.0.1", "--port", port], stderr=subprocess.DEVNULL
    )
    second = subprocess.Popen(
        [
            *(sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-dashboard"),
            *("--nworkers", "1", "--nthreads", "1", "--local-directory", str(tmp_path)),
        ],
        stderr=subprocess.DEVNULL,
    )
    yield address, first
    for process in (second, first):
        process.kill()
        process.wait()


@pytest.mark.full
def test_a_scheduler_that_dies_ends_the_run_with_4(
    scheduler: tuple[str, subprocess.Popen[bytes]], undisturbed: Path, tmp_path: Path
) -> None:
    address, process = scheduler
    store = tmp_path / "runs"
    inline = ("run", study_file(tmp_path), "--store", store, "--engine", "inline")
    run(*inline)
    for kind in ("moments", "profiles", "matches"):
        for marker in (store / kind).glob("*/marker.json"):
            marker.unlink()
    driver = start("run", study_file(tmp_path), "--store", store, "--cluster", address)
    wait_for(lambda: next(store.glob("moments/*/marker.json"), None), driver)
    process.kill()
    output = finish(driver, seconds=120)
    assert driver.returncode == 4, output
    assert "Expected the Dask scheduler to answer" in output
    run(*inline)
    assert_same_results(store, undisturbed)
