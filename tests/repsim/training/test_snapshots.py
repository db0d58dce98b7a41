"""Snapshots: states on the way, which leave the network as it is."""

import numpy as np
import pytest
import torch

from repsim.errors import PreemptedError, StudyError, TrainingError
from repsim.study import Training
from repsim.training import check_data
from tests.repsim.training.test_resume import BATCHES, STEPS, StopAfter, same


class Taken(dict):
    """Snapshots by step."""

    def __call__(self, step, state):
        assert step not in self
        self[step] = state

    def __eq__(self, other):
        return self.keys() == other.keys() and all(
            torch.equal(state[name], other[step][name])
            for step, state in self.items()
            for name in state
        )

    __hash__ = None


@pytest.fixture
def taken():
    return Taken()


def test_they_are_the_states_after_their_steps_and_change_nothing(train_small, taken):
    trained = train_small(snapshots={0, 3, BATCHES, STEPS}, on_snapshot=taken)
    same(trained, train_small())
    assert sorted(taken) == [0, 3, BATCHES, STEPS]
    assert taken[STEPS].keys() == trained.state.keys()
    constant = {"schedule": "constant"}
    short = Taken()
    train_small(settings=constant, snapshots={0, 3, BATCHES}, on_snapshot=short)
    for steps in (3, BATCHES):
        alone = train_small(settings={**constant, "epochs": None, "steps": steps})
        assert all(torch.equal(alone.state[n], short[steps][n]) for n in alone.state)
    assert not torch.equal(short[0]["0.weight"], short[3]["0.weight"])


def test_the_last_is_the_network(train_small, taken):
    trained = train_small(snapshots={STEPS}, on_snapshot=taken)
    assert all(torch.equal(trained.state[n], taken[STEPS][n]) for n in trained.state)


@pytest.mark.parametrize("stop", [1, BATCHES, BATCHES + 1, STEPS - 1])
def test_a_training_that_was_stopped_takes_those_that_are_missing(train_small, folder, taken, stop):
    whole = Taken()
    train_small(snapshots={0, BATCHES, 7}, on_snapshot=whole)
    with pytest.raises(PreemptedError):
        train_small(
            snapshots={0, BATCHES, 7},
            on_snapshot=taken,
            checkpoints=folder,
            should_stop=StopAfter(stop),
        )
    missing = {0, BATCHES, 7} - taken.keys()
    same(train_small(snapshots=missing, on_snapshot=taken, checkpoints=folder), train_small())
    assert taken == whole


@pytest.mark.parametrize(
    ("step", "trained"),
    [(3, [1, 2, 3]), (6, [2, 3])],
    ids=["before the checkpoints", "at the newest checkpoint"],
)
def test_only_a_checkpoint_from_before_a_missing_one_is_resumed(
    train_small, folder, taken, step, trained
):
    with pytest.raises(PreemptedError):
        train_small(checkpoints=folder, should_stop=StopAfter(6))
    epochs = []
    train_small(
        snapshots={step},
        on_snapshot=taken,
        checkpoints=folder,
        on_epoch=lambda epoch: epochs.append(epoch.epoch),
    )
    assert (sorted(taken), epochs) == ([step], trained)


def test_the_best_is_found_without_being_kept(train_small, folder):
    kept = train_small(settings={"keep": "best"})
    found = train_small(find_best=True)
    same(found, train_small())
    assert found.kept_epoch == 3
    assert all(torch.equal(kept.state[n], found.best[n]) for n in kept.state)
    assert train_small().best is None
    # A checkpoint of a training that did not look for it cannot say which it was.
    with pytest.raises(PreemptedError):
        train_small(checkpoints=folder, should_stop=StopAfter(BATCHES + 1))
    again = train_small(find_best=True, checkpoints=folder)
    assert all(torch.equal(kept.state[n], again.best[n]) for n in kept.state)


def test_a_snapshot_is_finite(train_small, taken):
    with pytest.raises(TrainingError, match="NaN or infinity in a weight in epoch 1"):
        train_small(settings={"learning_rate": 1e30}, snapshots={3}, on_snapshot=taken)
    assert not taken


def test_the_best_needs_labels_to_be_found_by(source, monkeypatch):
    monkeypatch.setattr(source.test, "targets", np.empty((len(source.test), 0), np.float32))
    check_data(source, Training(snapshots=(1,)))
    with pytest.raises(StudyError, match='Remove "best"'):
        check_data(source, Training(snapshots=("best",)))
