"""Decompositions are made once, shared where they may be, and gone with their moments."""

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest

from repsim.moments import Moments
from repsim.moments.principal import principal
from tests.repsim.matching.instances import relu_pair


def moments_of(seed=0, p=4, q=5):
    pair = relu_pair(seed, 60, p, q, shared=4, noise=1.0)
    return Moments.from_arrays(pair.x, pair.y)


def test_the_same_moments_have_the_same_decompositions():
    moments = moments_of()
    assert principal(moments, centred=True) is principal(moments, centred=True)
    assert principal(moments, centred=True) is not principal(moments, centred=False)
    assert principal(moments, centred=True).x is not principal(moments, centred=False).x


@pytest.mark.parametrize("centred", [True, False])
def test_a_null_shares_the_layers_and_not_the_pair(centred):
    moments = moments_of()
    null = replace(moments, xy=moments.xy[::-1].copy())
    found, permuted = principal(moments, centred=centred), principal(null, centred=centred)
    assert permuted.x is found.x
    assert permuted.y is found.y
    assert not np.allclose(permuted.xy, found.xy)
    assert permuted.correlations[0] != found.correlations[0]


def test_the_same_squares_about_other_means_are_another_layer():
    moments = moments_of()
    other = replace(moments, sum_x=0.5 * moments.sum_x)
    found = principal(moments, centred=True), principal(other, centred=True)
    assert found[0].x is not found[1].x
    assert not np.allclose(found[0].x.square, found[1].x.square)
    assert found[0].y is found[1].y


@pytest.mark.parametrize("centred", [True, False])
def test_nothing_outlives_the_moments(centred):
    moments = moments_of()
    pair = principal(moments, centred=centred)
    assert pair.correlations.size
    watched = [weakref.ref(each) for each in (moments, pair, pair.x, pair.y, moments.xx)]
    del moments, pair
    gc.collect()
    assert [each() for each in watched] == [None] * 5


def test_values_are_of_the_samples():
    pair = relu_pair(1, 60, 4, 5, shared=4, noise=1.0)
    found = principal(Moments.from_arrays(pair.x, pair.y), centred=True)
    x, y = pair.x - pair.x.mean(axis=0), pair.y - pair.y.mean(axis=0)
    lengths = np.linalg.svd(x, compute_uv=False)
    np.testing.assert_allclose(found.x.variances, lengths**2)
    np.testing.assert_allclose(
        found.x.axes.T @ found.x.square @ found.x.axes, np.diag(lengths**2), atol=1e-10
    )
    assert found.nuclear_norm == pytest.approx(np.linalg.norm(x.T @ y, ord="nuc"))
    np.testing.assert_allclose(
        found.x.coordinates.T @ found.x.coordinates, found.x.square, atol=1e-10
    )
    np.testing.assert_allclose(
        found.basis_of_x.T @ found.basis_of_x, y.T @ x @ np.linalg.inv(x.T @ x) @ x.T @ y
    )
    assert not found.constant


def test_the_rank_counts_independent_live_neurons():
    generator = np.random.default_rng(0)
    live = generator.normal(size=(50, 4))
    x = np.hstack([live, live @ generator.normal(size=(4, 3)), np.zeros((50, 2)), live[:, :1] * 9])
    layer = principal(Moments.from_arrays(x, live), centred=True).x
    assert len(layer.live) == 8
    assert layer.rank == 4
    assert layer.directions == 4
    rounding = np.hstack([live, 1e-17 * generator.normal(size=(50, 1))])
    assert principal(Moments.from_arrays(rounding, live), centred=True).x.rank == 4
    barely = np.hstack([live, live[:, :1] + 1e-4 * generator.normal(size=(50, 1))])
    assert principal(Moments.from_arrays(barely, live), centred=True).x.rank == 5
    hardly = np.hstack([live, live[:, :1] + 1e-7 * generator.normal(size=(50, 1))])
    assert principal(Moments.from_arrays(hardly, live), centred=True).x.rank == 4


@pytest.mark.parametrize(("mean", "rank"), [(0, 4), (3.5, 3), (50, 4)])
def test_what_a_mean_takes_of_the_digits_is_not_taken_for_a_direction(mean, rank):
    """The last neuron is 3e-6 of its length off the first: 1e-11, squared.

    A mean of 3.5 deviations is not taken off before the sums are made, one of 50 is.
    """
    generator = np.random.default_rng(0)
    x = generator.normal(size=(5000, 4))
    x[:, 3] = x[:, 0] + 3e-6 * x[:, 3]
    moments = Moments.from_arrays(x + mean, x)
    assert principal(moments, centred=True).x.rank == rank
    assert principal(moments, centred=True).y.rank == 4


def test_dependent_neurons_with_means_are_dependent():
    generator = np.random.default_rng(0)
    live = generator.normal(size=(3000, 20))
    x = np.hstack([live, live @ generator.normal(size=(20, 40)) / 5])
    for mean in (0, 1, 10, 50):
        assert principal(Moments.from_arrays(x + mean, x), centred=True).x.rank == 20
