"""Data of any shape and type, with targets that are classes, numbers, or not known."""

import numpy as np
import pytest
import torch

from repsim.data import InputSpec, from_arrays
from repsim.data.transform import RandomLabels, Transform
from repsim.errors import StudyError

RANDOM = np.random.default_rng(0)
VECTORS = RANDOM.normal(3.0, 2.0, size=(30, 5))
NUMBERS = RANDOM.normal(size=(30, 2))
IDS = RANDOM.integers(0, 9, size=(30, 4))
LABELS = np.arange(30) % 3


def collect(split, rows=range(30)):
    batches = split.batches(
        np.asarray(rows), batch_size=7, augmentation=None, device=torch.device("cpu")
    )
    inputs, targets = zip(*batches, strict=True)
    return torch.cat(inputs), torch.cat(targets)


def source(inputs=VECTORS, targets=NUMBERS, **options):
    return from_arrays(train=(inputs, targets), test=(inputs[:10], targets[:10]), **options)


def test_vectors_are_normalised_number_by_number_and_targets_left_alone():
    data = source()
    assert data.inputs == InputSpec(shape=(5,))
    assert (data.classes, data.outputs) == (None, 2)
    inputs, targets = collect(data.train)
    np.testing.assert_allclose(inputs.mean(dim=0), 0, atol=1e-5)
    np.testing.assert_allclose(inputs.std(dim=0, correction=0), 1, atol=1e-5)
    np.testing.assert_array_equal(targets.numpy(), NUMBERS.astype(np.float32))
    assert data.train.true_labels is None


def test_arrays_are_normalised_by_their_first_axis():
    data = source(RANDOM.normal(2.0, size=(30, 3, 50)) * np.array([1.0, 5.0, 9.0])[:, None])
    inputs, _ = collect(data.train)
    np.testing.assert_allclose(inputs.mean(dim=(0, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(inputs.std(dim=(0, 2), correction=0), 1, atol=1e-5)


def test_integers_other_than_bytes_are_ids():
    data = source(IDS.astype(np.int32), LABELS)
    assert data.inputs == InputSpec(shape=(4,), dtype="int64", vocabulary=9)
    inputs, targets = collect(data.train, [3, 1])
    np.testing.assert_array_equal(inputs.numpy(), IDS[[3, 1]])
    assert (inputs.dtype, targets.dtype) == (torch.int64, torch.int64)
    assert source(IDS, LABELS, vocabulary=50).inputs.vocabulary == 50
    pixels = source(IDS.astype(np.uint8), LABELS)
    assert pixels.inputs.dtype == "float32"


def test_the_objective_follows_from_the_targets():
    assert source().objective().score == "r2"
    assert source().objective("mean_squared_error") == source().objective()
    labelled = source(VECTORS, LABELS)
    assert labelled.objective().loss == "cross_entropy"
    one_hot = labelled.objective("mean_squared_error")
    assert (one_hot.loss, one_hot.outputs, one_hot.score) == ("mean_squared_error", 3, "accuracy")
    unknown = from_arrays(train=(VECTORS, None), test=(VECTORS, LABELS))
    assert (unknown.objective(), unknown.outputs) == (None, 3)
    with pytest.raises(StudyError, match=r'Expected labels.*"cross_entropy".*Got numbers of shape'):
        source().objective("cross_entropy")


def test_every_bit_of_inputs_and_targets_counts():
    changed = NUMBERS.copy()
    changed[-1, -1] += 1e-3
    different = [
        source(),
        source(targets=changed),
        source(VECTORS + 1e-3),
        source(targets=NUMBERS[:, :1]),
        source(mean=[0] * 5, std=[1] * 5),
        from_arrays(train=(VECTORS, NUMBERS), test=(VECTORS[:10], None)),
        source(IDS, LABELS),
        source(IDS, LABELS, vocabulary=10),
    ]
    assert len({data.fingerprint for data in different}) == len(different)
    assert source().fingerprint == source(VECTORS.copy(), NUMBERS.astype(np.float32)).fingerprint


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"inputs": VECTORS, "padding": 1}, "no padding or flip for vectors of 5 numbers.*padding"),
        ({"inputs": VECTORS, "flip": True}, r"flip = True. Only images are shifted"),
        ({"inputs": VECTORS, "vocabulary": 3}, "no vocabulary for numbers"),
        ({"inputs": VECTORS, "mean": [0.0]}, "5 means"),
        ({"inputs": VECTORS[:, 0]}, r"Got float64 of shape \(30,\). Give one number.*\[:, None\]"),
        ({"inputs": IDS, "std": [1.0] * 4}, "no mean or std for ids"),
        ({"inputs": IDS - 1}, "ids from 0 in the train.*Got -1"),
        ({"inputs": IDS, "vocabulary": 8}, "ids below the vocabulary, 8. Got 8"),
        ({"inputs": IDS, "vocabulary": True}, "number of vocabulary from 1. Got True"),
        ({"inputs": IDS > 3}, "Got bool"),
        ({"inputs": IDS.reshape(30, 1, 2, 2)}, "uint8 or float images.*other integers are ids"),
        ({"targets": NUMBERS[:, 0]}, r"if numbers to be predicted, targets\[:, None\]"),
        ({"targets": NUMBERS, "classes": 2}, "no number of classes for targets that are numbers"),
        ({"targets": NUMBERS * np.nan}, "finite targets in the train"),
        ({"targets": np.eye(3)[LABELS]}, r"argmax\(axis=1\): training.objective"),
        ({"targets": LABELS[:, None] * [1, 2]}, r"targets\.astype\(float\)"),
    ],
)
def test_what_does_not_fit_is_refused(options, said):
    with pytest.raises(StudyError, match=said):
        source(**options)


def test_splits_of_different_inputs_or_targets_are_refused():
    with pytest.raises(StudyError, match=r"one size and type.*float32 of shape \(30, 5\)"):
        from_arrays(train=(VECTORS, LABELS), test=(VECTORS[:, :4], LABELS))
    with pytest.raises(StudyError, match=r"one size and type.*int64 of \(30, 4\)"):
        from_arrays(train=(VECTORS[:, :4], LABELS), test=(IDS, LABELS))
    with pytest.raises(StudyError, match=r"targets of one shape in both .* \(30, 2\).*\(30, 1\)"):
        from_arrays(train=(VECTORS, NUMBERS), test=(VECTORS, NUMBERS[:, :1]))


def test_numbers_are_permuted_among_the_examples():
    data = source()
    changed = Transform(random_labels=RandomLabels(share=0.5)).apply(data)
    moved = (changed.train.targets != data.train.targets).any(axis=1)
    assert 5 < moved.sum() <= 15
    assert sorted(map(tuple, changed.train.targets)) == sorted(map(tuple, data.train.targets))
    np.testing.assert_array_equal(collect(changed.train)[1].numpy(), changed.train.targets)
    assert changed.fingerprint != data.fingerprint


def test_the_numbers_of_vectors_are_permuted_alike():
    data = source()
    changed = Transform(permute_pixels=True).apply(data)
    before, after = collect(data.train)[0].numpy(), collect(changed.train)[0].numpy()
    order = [int(np.flatnonzero((before == column[:, None]).all(axis=0))[0]) for column in after.T]
    assert sorted(order) == list(range(5))
    assert order != list(range(5))
    test = collect(changed.test, range(10))[0].numpy()
    np.testing.assert_array_equal(test, collect(data.test, range(10))[0].numpy()[:, order])


@pytest.mark.parametrize(
    ("data", "options", "said"),
    [
        (
            source(),
            {"random_labels": {"share": 0.5, "method": "uniform"}},
            'classes to draw labels from .* Got targets that are numbers. Use "permuted"',
        ),
        (
            from_arrays(train=(VECTORS, None), test=(VECTORS, LABELS)),
            {"random_labels": 0.5},
            "targets of the training split for random_labels. Got none",
        ),
        (source(IDS, LABELS), {"permute_pixels": True}, "Got sequences of 4 ids below 9, whose"),
    ],
)
def test_changes_that_make_no_sense_are_refused(data, options, said):
    with pytest.raises(StudyError, match=said):
        Transform.model_validate(options).apply(data)


def test_examples_are_drawn_from_data_without_targets():
    data = from_arrays(train=(VECTORS, None), test=(VECTORS, None))
    changed = Transform(examples=4).apply(data)
    assert (len(changed.train), changed.train.has_targets) == (4, False)
