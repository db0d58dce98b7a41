"""kill -9 of every kind of process, then the same command again: the same numbers, bit for bit."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runs import (
    assert_same_results,
    descendants,
    finish,
    kill_all,
    run,
    start,
    study_file,
    wait_for,
)


def _some(folder: Path, pattern: str) -> bool:
    return next(folder.glob(pattern), None) is not None


# Something that is there once a stage has begun, and before it has ended.
STAGES: dict[str, Callable[[Path], bool]] = {
    "training": lambda store: _some(store, "checkpoints/*/*.pt"),
    "capturing": lambda store: _some(store, "activations/*/*/activations/zarr.json"),
    "matching": lambda store: _some(store, "moments/*/marker.json"),
    "reporting": lambda store: _some(store, "studies/tiny/report/*"),
}


@pytest.mark.parametrize("stage", STAGES)
def test_the_whole_command(stage: str, undisturbed: Path, tmp_path: Path) -> None:
    store = tmp_path / "runs"
    arguments = ("run", study_file(tmp_path), "--store", store, "--engine", "inline")
    process = start(*arguments)
    wait_for(lambda: STAGES[stage](store), process)
    kill_all(process)
    run(*arguments)
    assert_same_results(store, undisturbed)


def test_a_training_actor_is_replaced_and_goes_on(undisturbed: Path, tmp_path: Path) -> None:
    store = tmp_path / "runs"
    process = start("run", study_file(tmp_path), "--store", store)
    wait_for(lambda: _some(store, "checkpoints/*/*.pt"), process)
    actor = next(descendants(process, "ray::NetworkActor"))
    actor.kill()
    output = finish(process)
    assert process.returncode == 0, output
    assert_same_results(store, undisturbed)


def test_a_dask_worker_is_replaced(undisturbed: Path, tmp_path: Path) -> None:
    store = tmp_path / "runs"
    run("run", study_file(tmp_path), "--store", store, "--engine", "inline")
    for kind in ("moments", "profiles", "matches"):
        for marker in (store / kind).glob("*/marker.json"):
            marker.unlink()
    process = start("run", study_file(tmp_path), "--store", store)
    wait_for(lambda: _some(store, "moments/*/marker.json"), process)
    worker = next(descendants(process, "spawn_main"))
    worker.kill()
    output = finish(process)
    assert process.returncode == 0, output
    assert_same_results(store, undisturbed)


def test_the_whole_command_with_its_engines(undisturbed: Path, tmp_path: Path) -> None:
    store = tmp_path / "runs"
    process = start("run", study_file(tmp_path), "--store", store)
    wait_for(lambda: _some(store, "checkpoints/*/*.pt"), process)
    kill_all(process)
    run("run", study_file(tmp_path), "--store", store)
    assert_same_results(store, undisturbed)


@pytest.mark.parametrize("engine", ["inline", "cluster"])
@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.full)]
)
def test_a_signal_stops_cleanly_with_75(
    number: signal.Signals, engine: str, undisturbed: Path, tmp_path: Path
) -> None:
    store = tmp_path / "runs"
    arguments = ("run", study_file(tmp_path), "--store", store, "--engine")
    process = start(*arguments, engine)
    wait_for(lambda: _some(store, "checkpoints/*/*.pt"), process)
    process.send_signal(number)
    output = finish(process, seconds=30)
    assert process.returncode == 75, output
    run(*arguments, "inline")
    assert_same_results(store, undisturbed)
