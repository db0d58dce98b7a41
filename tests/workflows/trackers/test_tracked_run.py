"""What trackers are given of a run, and what becomes of a run whose tracker fails."""

import logging
import sys
import threading
from collections.abc import Iterator

import pytest

from repsim.errors import StudyError
from repsim.graph import NetworkProgress
from tests.conftest import MadeStudy
from tests.workflows.trackers import recorder
from tests.workflows.trackers.recorder import Away, Recorder
from workflows.trackers import TrackerClass, background, tracked, tracker_class

OWN = "tests.workflows.trackers.recorder:Recorder"
EVERY_EPOCH = [(f"seed {seed}", epoch) for seed in range(3) for epoch in (1, 2)]


class Silent:
    """A reporter that shows nothing."""

    def network(self, progress: NetworkProgress) -> None: ...
    def network_done(self, label: str) -> None: ...
    def comparisons(self, done: int, total: int) -> None: ...


@pytest.fixture(autouse=True)
def _own_log(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(logging.getLogger("repsim"), "propagate", True)
    yield
    recorder.MADE.clear()


def told(epochs: range, label: str = "seed 0") -> NetworkProgress:
    history = tuple(
        {
            "epoch": epoch,
            "learning_rate": 0.1,
            "train_loss": 1 / epoch,
            "train_score": 0.5,
            "test_score": None,
            "seconds": 1.0,
        }
        for epoch in epochs
    )
    return NetworkProgress(network=label, name="training", done=0, total=2, history=history)


def of_one_network(study: MadeStudy, make: TrackerClass, *told: NetworkProgress) -> Recorder:
    """The tracker after a run that trains the first network; nothing else is in the store."""
    study.store.clear("networks")
    with tracked(Silent(), study.plan, study.store, {"own": make}) as run:
        for progress in told:
            run.network(progress)
    return recorder.MADE[-1]


def test_epochs_come_as_they_are_trained_and_each_once(made_copy: MadeStudy) -> None:
    # An actor that died begins anew, and one that is resumed tells nothing of earlier epochs.
    one = of_one_network(
        made_copy,
        Recorder,
        *(told(range(1, 2)), told(range(1, 3)), told(range(1, 2)), told(range(2, 4))),
    )
    assert one.steps == [("seed 0", 1), ("seed 0", 2), ("seed 0", 3)]
    assert one.ended == []


def test_what_the_tracker_has_of_an_earlier_run_is_not_logged_again(made_copy: MadeStudy) -> None:
    def make(study: object) -> Recorder:
        made = Recorder(study)
        made.before = {"seed 0": 2, "seed 1": 1}
        return made

    with tracked(Silent(), made_copy.plan, made_copy.store, {"own": make}):
        pass
    assert recorder.MADE[-1].steps == [("seed 1", 2), ("seed 2", 1), ("seed 2", 2)]


def test_epochs_after_a_checkpoint_wait_for_those_before_it(made_copy: MadeStudy) -> None:
    one = of_one_network(made_copy, Recorder, told(range(2, 3)))
    assert one.steps == []


def test_a_network_that_failed_is_finished_as_failed(made_copy: MadeStudy) -> None:
    made_copy.store.clear("networks")
    with tracked(Silent(), made_copy.plan, made_copy.store, {"own": Recorder}) as run:
        run.network_done("seed 1")
    assert recorder.MADE[-1].ended == [("seed 1", True)]


@pytest.mark.parametrize("failing", [Away, lambda study: 1 / 0])
def test_a_tracker_that_fails_is_one_warning_and_leaves_the_others(
    made_copy: MadeStudy, caplog: pytest.LogCaptureFixture, failing: TrackerClass
) -> None:
    classes: dict[str, TrackerClass] = {"away": failing, "own": Recorder}
    with tracked(Silent(), made_copy.plan, made_copy.store, classes) as run:
        run.network(told(range(1, 2)))
        run.network_done("seed 0")
    (warning,) = [r for r in caplog.records if r.levelname == "WARNING"]
    assert warning.getMessage().startswith("Logger away: nothing more is logged: ")
    assert "\n" not in warning.getMessage()
    assert recorder.MADE[-1].steps == EVERY_EPOCH


def test_a_tracker_that_hangs_does_not_hold_the_run(
    made_copy: MadeStudy, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "CLOSE_SECONDS", 0.05)
    answer = threading.Event()

    def hanging(study: object) -> Recorder:
        answer.wait()
        return Recorder(study)

    with tracked(Silent(), made_copy.plan, made_copy.store, {"own": hanging}):
        pass
    assert caplog.text.count("Logger own: it is too slow, or away") == 1
    answer.set()


def test_what_is_no_logger_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StudyError, match=r"Expected the methods last_epoch, .* Got none named la"):
        tracker_class(OWN.replace("Recorder", "Incomplete"))
    with pytest.raises(StudyError, match=r"Expected a class as the logger .* Got \["):
        tracker_class(OWN.replace("Recorder", "MADE"))
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(StudyError, match=r"logger wandb logs with.*repsim-workflows\[wandb\]"):
        tracker_class("wandb")
