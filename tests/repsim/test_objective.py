"""Losses and scores, against scikit-learn and by hand."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score
from torch.nn import functional

from repsim.errors import StudyError
from repsim.objective import PADDING, Objective

CLASSES = Objective(loss="cross_entropy", outputs=3, score="accuracy")
ONE_HOT = Objective(loss="mean_squared_error", outputs=3, score="accuracy")
NUMBERS = Objective(loss="mean_squared_error", outputs=3, score="r2")
TOKENS = Objective(loss="next_token", outputs=5, score="perplexity")


@pytest.fixture
def outputs():
    return torch.randn(8, 3, generator=torch.Generator().manual_seed(0))


def test_the_loss_of_classes_is_cross_entropy_or_that_of_one_hot_vectors(outputs):
    labels = torch.arange(8) % 3
    assert torch.equal(
        CLASSES.mean_loss(outputs, labels), functional.cross_entropy(outputs, labels)
    )
    expected = (outputs.numpy() - np.eye(3, dtype=np.float32)[labels.numpy()]) ** 2
    assert ONE_HOT.mean_loss(outputs, labels).item() == pytest.approx(expected.mean())


def test_the_score_of_classes_is_the_accuracy(outputs):
    labels = outputs.argmax(dim=1)
    labels[:2] = (labels[:2] + 1) % 3
    for objective in (CLASSES, ONE_HOT):
        tally = objective.tally(outputs, labels).item()
        assert objective.scored(tally / 8, labels.numpy()) == 0.75


def test_the_score_of_numbers_is_r2_over_all_outputs_together(outputs):
    targets = torch.linspace(-1, 2, 24).reshape(8, 3)
    tally = NUMBERS.tally(outputs, targets).item()
    expected = r2_score(targets.numpy(), outputs.numpy(), multioutput="variance_weighted")
    assert NUMBERS.scored(tally / 8, targets.numpy()) == pytest.approx(expected)
    assert NUMBERS.scored(0.0, targets.numpy()) == 1
    loss = NUMBERS.mean_loss(outputs, targets).item()
    assert loss == pytest.approx(tally / 24)


def test_numbers_that_do_not_vary_have_no_score():
    assert NUMBERS.scored(0.5, np.ones((8, 3), np.float32)) is None


@pytest.mark.parametrize("objective", [CLASSES, ONE_HOT, NUMBERS])
def test_example_targets_have_a_loss(objective, outputs):
    loss = objective.mean_loss(outputs, objective.example_targets(torch.zeros(8, 4)))
    assert loss.isfinite()


def test_next_tokens_have_a_perplexity_that_padding_is_no_part_of():
    logits = torch.randn(2, 3, 5)
    targets = torch.tensor([[1, 4, 0], [2, PADDING, PADDING]])
    log_probabilities = logits.log_softmax(dim=2)
    told = torch.stack([*(log_probabilities[0, t, targets[0, t]] for t in range(3)),
                        log_probabilities[1, 0, 2]])  # fmt: skip
    tally = TOKENS.tally(logits, targets)
    torch.testing.assert_close(tally, -told.sum())
    expected = math.exp(-float(told.mean()))
    assert TOKENS.scored(float(tally) / 2, targets.numpy()) == pytest.approx(expected)
    loss = TOKENS.mean_loss(logits, targets)
    torch.testing.assert_close(loss, -(told[:3].mean() + told[3]) / 2)
    example = TOKENS.example_targets(torch.arange(6).reshape(2, 3) % 5)
    assert TOKENS.mean_loss(logits, example).isfinite()
    # Of a network that has diverged, it is no infinity, which no table could hold.
    assert math.isfinite(TOKENS.scored(1e9, targets.numpy()))


def test_a_score_improves_in_its_own_direction():
    assert TOKENS.improves(8.0, 9.0)
    assert not TOKENS.improves(9.0, 9.0)
    assert CLASSES.improves(0.9, 0.8)
    assert not NUMBERS.improves(-1.0, -0.5)
    assert all(objective.improves(0.0, None) for objective in (TOKENS, CLASSES))


@pytest.mark.parametrize(
    ("objective", "put_out", "said"),
    [
        (CLASSES, torch.zeros(8, 2), r"logits of shape \(examples, classes\), here \(8, 3\)"),
        (CLASSES, torch.zeros(8, 3, 1), r"Got \(8, 3, 1\)"),
        (CLASSES, (torch.zeros(8, 3),), "Got a tuple"),
        # Broadcast against targets (8, 3), each of these would have a loss.
        (NUMBERS, torch.zeros(8, 1), r"outputs of shape \(examples, outputs\), here \(8, 3\)"),
        (NUMBERS, torch.zeros(3), r"Got \(3,\)"),
        (NUMBERS, torch.zeros(8, 4), r"Got \(8, 4\)"),
        (ONE_HOT, torch.zeros(8, 4), r"Got \(8, 4\)"),
        (TOKENS, torch.zeros(8, 5), r"logits of the next token, .* here \(8, tokens, 5\). Got \(8"),
        (TOKENS, torch.zeros(8, 3, 4), r"Got \(8, 3, 4\)"),
    ],
)
def test_outputs_of_another_shape_are_refused(objective, put_out, said):
    with pytest.raises(StudyError, match=said):
        objective.check(put_out, 8)


def test_more_logits_than_classes_are_no_error():
    CLASSES.check(torch.zeros(8, 5), 8)
