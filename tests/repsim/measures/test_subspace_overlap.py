"""Subspace overlap against principal components of the samples and the angles between them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.measures import cca, cka, subspace_overlap
from tests import references_measures as literal
from tests.repsim.measures.test_svcca import pair

SEEDS = st.integers(0, 10**6)


@given(seed=SEEDS, variance=st.sampled_from([0.5, 0.9, 0.99]))
@settings(deadline=None, max_examples=40)
@pytest.mark.parametrize("of", ["singular values", "variances"])
def test_it_is_the_mean_squared_cosine_between_leading_subspaces(seed, variance, of):
    x, y = pair(seed)
    kept = [literal.leading(literal.centre(z), variance, of) for z in (x, y)]
    expected = np.mean(literal.correlations(*kept) ** 2)
    got = subspace_overlap(x, y, variance=variance, of=of)
    assert got == pytest.approx(expected, rel=1e-8)


@given(seed=SEEDS)
@settings(deadline=None, max_examples=40)
def test_whole_spans_are_cca_with_squares(seed):
    x, y = pair(seed)
    got = subspace_overlap(x, y, directions=100)
    assert got == pytest.approx(cca(x, y, power=2), rel=1e-8)


def test_half_of_a_plane():
    waves = np.cos(np.pi * np.outer(np.arange(64) + 0.5, np.arange(1, 5)) / 64)
    assert subspace_overlap(waves[:, :2], waves[:, 1:3]) == pytest.approx(1 / 2)
    assert subspace_overlap(waves[:, :2], waves) == pytest.approx(1)


def test_directions_count_alike_and_small_ones_not_at_all():
    generator = np.random.default_rng(0)
    waves = np.cos(np.pi * np.outer(np.arange(64) + 0.5, np.arange(1, 6)) / 64)
    x = waves[:, [0, 1]] * [1, 0.3]
    y = np.hstack([waves[:, [0, 2]] * [1, 0.3], 1e-4 * generator.normal(size=(64, 3))])
    assert subspace_overlap(x, y) == pytest.approx(1 / 2, abs=1e-6)
    assert cka(x, y) > 0.95
