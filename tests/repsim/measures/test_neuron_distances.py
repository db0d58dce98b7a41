"""Cosine and Euclidean distance, against the samples themselves."""

import numpy as np
import pytest
from scipy.spatial import distance

from repsim.measures import cca, cosine, euclidean
from repsim.moments import Moments
from tests import references_measures as literal


@pytest.fixture
def pair():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(80, 6)) + 1
    return x, x + generator.normal(size=(80, 6))


@pytest.mark.parametrize("centred", [True, False])
def test_they_are_the_distances_of_all_numbers(pair, centred):
    x, y = (literal.centre(z) if centred else z for z in pair)
    moments = Moments.from_arrays(*pair)
    expected = distance.cosine(x.ravel(), y.ravel())
    assert cosine(moments, centred=centred) == pytest.approx(expected)
    expected = np.sqrt(((x - y) ** 2).sum(axis=1).mean())
    assert euclidean(moments, centred=centred) == pytest.approx(expected)


def test_a_large_mean_takes_no_digits(pair):
    x, y = pair
    far = 1e7 + x, 1e7 + y
    assert cosine(*far, centred=True) == pytest.approx(cosine(x, y, centred=True), rel=1e-6)
    assert euclidean(*far) == pytest.approx(euclidean(x, y), rel=1e-6)


def test_a_narrower_layer_has_dead_neurons(pair):
    x, y = pair
    padded = np.pad(x[:, :4], ((0, 0), (0, 2)))
    assert cosine(x[:, :4], y) == pytest.approx(cosine(padded, y))
    assert euclidean(y, x[:, :4]) == pytest.approx(euclidean(y, padded))


def test_a_rotation_is_far_for_them_and_nothing_for_cca(pair):
    x, _ = pair
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    assert cca(x, x @ rotation) == pytest.approx(1)
    assert cosine(x, x @ rotation, centred=True) > 0.3
    assert euclidean(x, x @ rotation) > 1
