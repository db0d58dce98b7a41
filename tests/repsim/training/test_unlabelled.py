"""A test split without labels: the same network is trained, and no accuracy is made up."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from repsim.data import from_arrays
from repsim.errors import StudyError
from repsim.study import Training
from repsim.training import check_data, evaluate

CPU = torch.device("cpu")
RANDOM = np.random.default_rng(0)
TRAIN = RANDOM.normal(size=(20, 1, 8, 8)), np.arange(20) % 3
TEST = RANDOM.normal(size=(12, 1, 8, 8)), np.arange(12) % 3
LABELLED = from_arrays(train=TRAIN, test=TEST)
UNLABELLED = from_arrays(train=TRAIN, test=(TEST[0], None))


def test_the_network_is_the_same_and_its_accuracy_is_not_known(train_small):
    known, unknown = (train_small(source=source) for source in (LABELLED, UNLABELLED))
    for name, tensor in known.state.items():
        assert torch.equal(unknown.state[name], tensor)
    assert all(epoch.test_score is not None for epoch in known.history)
    assert [epoch.test_score for epoch in unknown.history] == [None] * len(known.history)
    for epoch, other in zip(known.history, unknown.history, strict=True):
        assert replace(epoch, test_score=None, seconds=0) == replace(other, seconds=0)


def test_accuracy_without_labels_is_none(build_small):
    assert evaluate(build_small(), UNLABELLED.test, UNLABELLED.objective(), device=CPU) is None


def test_the_best_epoch_cannot_be_kept_without_labels(train_small):
    best = Training(keep="best")
    check_data(LABELLED, best)
    check_data(UNLABELLED, Training())
    with pytest.raises(StudyError, match=r'labels of the test split for training\.keep = "best"'):
        check_data(UNLABELLED, best)
    with pytest.raises(StudyError, match=r'Set training\.keep = "last"'):
        train_small(source=UNLABELLED, settings={"keep": "best"})
