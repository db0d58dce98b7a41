import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from repsim.data import load_data
from repsim.errors import StudyError


@pytest.fixture(scope="module")
def table():
    return load_digits()


def pixels(split, mean, std):
    batches = split.batches(
        np.arange(len(split)), batch_size=500, augmentation=None, device=torch.device("cpu")
    )
    return np.concatenate([images.numpy() for images, _ in batches]) * std + mean


def test_a_third_of_every_class_is_held_out():
    source = load_data("digits", {})
    assert (len(source.train), len(source.test)) == (1198, 599)
    assert (source.classes, source.inputs.shape) == (10, (1, 16, 16))
    shares = np.bincount(source.test.targets) / (
        np.bincount(source.test.targets) + np.bincount(source.train.targets)
    )
    np.testing.assert_allclose(shares, 1 / 3, atol=0.003)


def test_ids_name_the_rows_of_the_original_table(table):
    source = load_data("digits", {})
    rows = [int(name.removeprefix("digits/")) for name in source.train.ids + source.test.ids]
    assert sorted(rows) == list(range(1797))
    labels = np.concatenate([source.train.targets, source.test.targets])
    np.testing.assert_array_equal(labels, table.target[rows])


def test_pixels_are_those_of_the_original_table(table):
    source = load_data("digits", {"size": 8})
    rows = [int(name.removeprefix("digits/")) for name in source.test.ids]
    mean, std = source.train._normalisation.mean[0], source.train._normalisation.std[0]
    got = pixels(source.test, mean, std)[:, 0]
    np.testing.assert_allclose(got, table.images[rows] / 16, atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize(("size", "padding"), [(8, 0), (16, 1), (32, 2)])
def test_size_and_shift(size, padding):
    source = load_data("digits", {"size": size})
    assert source.inputs.shape == (1, size, size)
    assert f"padding {padding}, no flip" in source.preprocessing


def test_the_fingerprint_is_the_same_everywhere():
    # Changes only with the pixels, the split or the augmentation: then every study is another.
    assert load_data("digits", {}).fingerprint == (
        "10de2a5c0b9ce83300e0fca07a2dad34903408e293446e464e8d7d344235ae0c"
    )


def test_other_sizes_are_refused():
    with pytest.raises(StudyError, match=r"'size' of dataset 'digits': 8, 16 or 32. Got 28"):
        load_data("digits", {"size": 28})
