"""Two processes train one network, by Ray Train: stopped, killed, and compared with one process."""

import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import ActorDiedError
from ray.train import WorkerGroupError

from cluster.profile import RayProfile
from repsim.errors import ClusterError, PreemptedError, TrainingError
from repsim.store import Activations, Store
from repsim.study import load_study
from tests.runs import descendants, finish, run, start, study_file, wait_for
from tests.task_lines import lines
from workflows.engines import rank_groups
from workflows.engines.network_actors import Need
from workflows.engines.rank_groups import RankGroup
from workflows.plan import plan_study

FIRST = ("--stage", "networks", "--networks", "0")
# The machine may be busy, and each process imports torch.
SECONDS = 300

TWO_PROCESSES = """
[ray]
gpus_per_network = 0
cpus_per_network = 2
workers_per_network = 2
"""


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "two-processes.toml"
    path.write_text(TWO_PROCESSES)
    return path


def checkpoints(store: Path) -> list[int]:
    """Numbers of the checkpoints that are there."""
    return [int(path.name.split("-")[0]) for path in store.glob("checkpoints/*/*.pt")]


def record(store: Path, file: Path) -> dict[str, Any]:
    spec = plan_study(load_study(file)).networks[0]
    return spec.record(Store(str(store)))


@pytest.mark.full
def test_stopped_and_killed_it_becomes_a_network_like_that_of_one_process(
    profile: Path, tmp_path: Path
) -> None:
    file, store, single = study_file(tmp_path, epochs=20), tmp_path / "runs", tmp_path / "single"
    run("run", file, "--store", single, *FIRST, "--engine", "inline")
    log = tmp_path / "tasks.jsonl"
    place = ("--store", store, "--cluster", profile, "--task-log", log)
    arguments = ("run", file, *place, *FIRST)

    process = start(*arguments)
    wait_for(lambda: checkpoints(store), process, seconds=SECONDS)
    process.send_signal(signal.SIGTERM)
    output = finish(process, seconds=30)
    assert process.returncode == 75, output
    stopped_at = max(checkpoints(store))

    process = start(*arguments)
    wait_for(lambda: max(checkpoints(store)) > stopped_at, process, seconds=SECONDS)
    next(descendants(process, "ray::RayTrainWorker")).kill()
    output = finish(process, seconds=SECONDS)
    assert process.returncode == 0, output

    made, alone = record(store, file), record(single, file)
    assert (made["world_size"], alone["world_size"]) == (2, 1)
    assert [epoch["epoch"] for epoch in made["history"]] == list(range(1, 21))
    assert made["threads"] == 1
    # 599 images: one standard deviation of an accuracy of 97 % is 0.7 %.
    accuracies = [one["history"][-1]["test_score"] for one in (made, alone)]
    assert min(accuracies) > 0.95
    assert abs(accuracies[0] - accuracies[1]) < 0.02
    plan = plan_study(load_study(file))
    for layer in plan.layers[plan.networks[0].label]:
        stored = Activations(Store(str(store)), layer.key)
        assert stored.shape == (layer.examples, layer.positions, layer.neurons)
    assert checkpoints(store) == []

    told = [(line["task"], line["of"], line["status"]) for line in lines(log)]
    assert {("train", f"seed 0, rank {rank} of 2", "stopped") for rank in (0, 1)} <= set(told)
    assert told.count(("capture", "seed 0", "done")) == 1
    for rank in (0, 1):
        assert told.count(("train", f"seed 0, rank {rank} of 2", "done")) == 1
    processes = {line["process"] for line in lines(log) if line["status"] == "done"}
    assert len(processes) == 2  # the first rank captures


@pytest.mark.full
def test_a_training_that_diverges_is_an_error_that_says_what_to_change(
    profile: Path, tmp_path: Path
) -> None:
    change = ("--set", "training.learning_rate=1e30")
    log = tmp_path / "tasks.jsonl"
    place = ("--store", tmp_path / "runs", "--cluster", profile, "--task-log", log, *FIRST)
    process = start("run", study_file(tmp_path), *place, *change)
    output = finish(process, seconds=SECONDS)
    assert process.returncode == 3, output
    assert "NaN or infinity in the loss in epoch 1, batch" in " ".join(output.split())
    assert "trying again" not in output
    failed = [line for line in lines(log) if "NaN or infinity in the loss" in line["error"]]
    assert {line["task"] for line in failed} == {"train"}


WORK: Any = (Store("runs"), (SimpleNamespace(label="seed 0"),))
NEED = Need.of(RayProfile(gpus_per_network=0, workers_per_network=2), {"CPU": 2})


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> Callable[..., RankGroup]:
    """A group whose attempts end in what is given, one after the other; None is success."""

    def make(*endings: Callable[[RankGroup], Exception | None], restarts: int = 2) -> RankGroup:
        group, left = RankGroup(NEED, restarts), list(endings)

        def train(*arguments: object) -> None:
            problem = left.pop(0)(group)
            if problem is not None:
                raise problem

        monkeypatch.setattr(group, "_train", train)
        monkeypatch.setattr(group, "left", left, raising=False)
        return group

    return make


def success(group: RankGroup) -> None:
    return None


def process_died(group: RankGroup) -> Exception:
    lost = RuntimeError(
        "Traceback (most recent call last):\nRuntimeError: Connection closed by peer"
    )
    died = RuntimeError("A worker health check failed.\nThe actor is dead: out of memory.\n")
    return WorkerGroupError("a lot of text", {0: lost, 1: died})


def connection_lost(group: RankGroup) -> Exception:
    """Of a process that died, the others may hear before Ray does."""
    lost = RuntimeError(
        "Traceback (most recent call last):\nRuntimeError: Connection closed by peer"
    )
    return WorkerGroupError("a lot of text", {0: lost})


def ray_train_died(group: RankGroup) -> Exception:
    return ActorDiedError()


def test_a_process_that_dies_is_replaced_as_often_as_the_profile_allows(group) -> None:
    group(process_died, process_died, success).run(*WORK)
    message = "the 2 processes that train seed 0 to live. Got: one died, 3 times, .* so: {}. Was"
    for last, said in (
        (process_died, "The actor is dead: out of memory"),
        (connection_lost, ".*peer"),
    ):
        failing = group(process_died, process_died, last, success)
        with pytest.raises(TrainingError, match=message.format(said)):
            failing.run(*WORK)


def test_an_error_that_would_be_met_again_is_not_tried_again(group) -> None:
    def diverged(group: RankGroup) -> Exception:
        group.fail(TrainingError("Expected finite numbers."))
        group.fail(TrainingError("the same, of another rank"))
        return process_died(group)

    failing = group(diverged, success)
    with pytest.raises(TrainingError, match=r"^Expected finite numbers\.$"):
        failing.run(*WORK)
    assert len(failing.left) == 1
    # An error of an attempt that was replaced is forgotten.
    failing = group(process_died, diverged)
    with pytest.raises(TrainingError, match="Expected finite numbers"):
        failing.run(*WORK)


def test_processes_that_end_when_told_to_stop_are_not_replaced(group) -> None:
    def stopped(group: RankGroup) -> Exception:
        group.stop()
        assert group.exchange(None)
        return process_died(group)

    with pytest.raises(PreemptedError, match="Stopped while seed 0 was trained"):
        group(stopped, success).run(*WORK)


def test_what_a_killed_ray_train_held_is_freed(group, monkeypatch: pytest.MonkeyPatch) -> None:
    freed: list[object] = []
    monkeypatch.setattr(rank_groups.ray.util, "remove_placement_group", freed.append)

    def died_in_training(group: RankGroup) -> Exception:
        group.begin("placement")
        return ray_train_died(group)

    group(died_in_training, success).run(*WORK)
    assert freed == ["placement"]
    # What it had asked for before the first word of a rank is known to nobody.
    with pytest.raises(ClusterError, match=r"Expected Ray Train to live.* run again"):
        group(died_in_training, ray_train_died, success).run(*WORK)
    assert freed == ["placement"] * 2
