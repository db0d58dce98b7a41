"""Targets that are numbers: trained by their squared error, scored by R²."""

import numpy as np
import pytest
import torch
from torch import nn

from repsim.data import from_arrays
from repsim.errors import StudyError
from repsim.study import Training
from repsim.training import check_data, evaluate

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 3))
Y = X @ RANDOM.normal(size=(3, 2)) + 1.0
NUMBERS = from_arrays(train=(X[:25], Y[:25]), test=(X[25:], Y[25:]))


def linear():
    return nn.Linear(3, 2)


@pytest.fixture
def train_linear(train_small):
    return lambda **settings: train_small(build=linear, source=NUMBERS, settings=settings)


def test_a_linear_map_is_learned(train_linear):
    trained = train_linear(epochs=20, learning_rate=0.1, schedule="constant", weight_decay=0)
    assert trained.history[0].train_score < 0.9
    assert trained.history[-1].test_score > 0.99
    # R² is the loss as a share of the variance: the same examples, at the same moments.
    variance = NUMBERS.train.targets.var(axis=0).mean()
    last = trained.history[-1]
    assert last.train_score == pytest.approx(1 - last.train_loss / variance, abs=1e-6)


def test_the_best_epoch_is_kept_also_where_r2_is_negative(train_linear):
    trained = train_linear(epochs=4, learning_rate=1e-4, keep="best")
    scores = [epoch.test_score for epoch in trained.history]
    assert max(scores) < 0
    assert trained.kept_epoch == 1 + scores.index(max(scores))
    model = linear()
    model.load_state_dict(trained.state)
    objective = NUMBERS.objective()
    score = evaluate(model, NUMBERS.test, objective, device=torch.device("cpu"))
    assert score == pytest.approx(max(scores))


def test_one_hot_vectors_of_labels_are_learned_and_scored_by_accuracy(train_small, source):
    trained = train_small(settings={"objective": "mean_squared_error", "epochs": 12})
    assert trained.history[-1].test_score > 0.9
    assert trained.history[-1].train_loss < 0.15  # a constant answer has 2/9
    assert source.objective("mean_squared_error").score == "accuracy"


@pytest.mark.parametrize(
    ("train", "test", "settings", "said"),
    [
        ((X, None), (X, Y), {}, r"targets in the training split .*training\.epochs = 0"),
        ((X, Y * 0), (X, Y), {}, "numbers that vary in the targets of the training split"),
        ((X, Y), (X, None), {"keep": "best"}, r'test score\. Got none\. Set training\.keep = "las'),
        ((X, Y), (X, Y * 0), {"keep": "best"}, r"Got the same numbers throughout"),
        (
            (X, Y),
            (X, Y),
            {"epochs": 2, "warmup_epochs": 3},
            r"within the training of 2 steps\. Got",
        ),
    ],
)
def test_what_nothing_can_be_learned_from_is_refused(train, test, settings, said):
    source = from_arrays(train=train, test=test)
    check_data(source, Training(epochs=0))
    with pytest.raises(StudyError, match=said):
        check_data(source, Training(**settings))


def test_volumes_can_be_trained_on(train_small):
    volumes = RANDOM.normal(size=(20, 1, 4, 4, 4))
    source = from_arrays(train=(volumes, Y[:20]), test=(volumes, Y[:20]))

    def build():
        return nn.Sequential(nn.Conv3d(1, 2, 3), nn.Flatten(), nn.Linear(16, 2))

    trained = train_small(build=build, source=source, settings={"epochs": 1})
    assert trained.history[0].train_score is not None


def test_a_network_without_targets_stays_untrained(train_small):
    unknown = from_arrays(train=(X, None), test=(X, None))
    trained = train_small(build=linear, source=unknown, settings={"epochs": 0})
    assert (trained.history, trained.kept_epoch) == ((), 0)
