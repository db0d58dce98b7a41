"""`--logger`: epochs and results to a tracker, from a run and from the store."""

from collections.abc import Callable
from pathlib import Path

from tests.workflows.trackers import recorder
from tests.workflows.trackers.test_tracked_run import EVERY_EPOCH, OWN


def test_a_run_logs_each_epoch_and_its_results_and_the_next_one_logs_them_from_the_store(
    repsim: Callable, study_file: Path, tmp_path: Path
) -> None:
    command = ("run", study_file, "--store", tmp_path / "runs", "--engine", "inline")
    for _ in range(2):  # the second finds everything made
        assert repsim(*command, "--logger", OWN).code == 0
    made = recorder.MADE[-2:]
    for one in made:
        assert (one.study.name, one.study.store) == ("tiny", str(tmp_path / "runs"))
        assert one.steps == EVERY_EPOCH
        assert set(one.logged[0][2]) == {
            *("learning_rate", "train_loss", "train_accuracy", "test_accuracy", "seconds"),
        }
        assert one.ended == [(f"seed {seed}", False) for seed in range(3)]
        assert one.closed
        (found,) = one.found
        assert {"report.html", "study.toml", "results.csv"} < found.files.keys()
        layers = {(s.layer, s.depth) for s in found.similarities}
        assert {layer for layer, _ in layers} == {"features.relu4", "classifier.relu1"}
        assert {s.pairs for s in found.similarities} == {3}
        match = [s for s in found.similarities if s.curve == "maximum match similarity, ε=0.5"]
        assert len(match) == 2
    live, stored = made
    assert live.logged == stored.logged
    assert live.found[0].key == stored.found[0].key


def test_an_unknown_logger_is_refused_before_anything_starts(
    repsim: Callable, study_file: Path, tmp_path: Path
) -> None:
    ran = repsim("run", study_file, "--store", tmp_path / "runs", "--logger", "tensorbord")
    assert ran.code == 2
    assert "Expected a known logger. Got 'tensorbord'. Did you mean 'tensorboard'?" in ran.err
    assert not (tmp_path / "runs").exists()
