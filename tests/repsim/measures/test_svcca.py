"""SVCCA against singular value decompositions of the samples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.errors import CautionWarning
from repsim.measures import cca, svcca
from repsim.moments import Moments
from tests import references_measures as literal


def pair(seed, samples=80, p=6, q=8):
    """Two layers whose principal directions have very different lengths."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(samples, 5)) * 0.5 ** np.arange(5)
    x = features @ generator.normal(size=(5, p)) + 0.02 * generator.normal(size=(samples, p))
    y = features @ generator.normal(size=(5, q)) + 0.2 * generator.normal(size=(samples, q))
    return x + generator.normal(size=p), y + generator.normal(size=q)


SEEDS = st.integers(0, 10**6)


@given(seed=SEEDS, variance=st.sampled_from([0.5, 0.9, 0.99, 0.999, 1.0]))
@settings(deadline=None, max_examples=40)
@pytest.mark.parametrize("of", ["singular values", "variances"])
def test_it_is_cca_of_the_leading_singular_vectors(seed, variance, of):
    x, y = pair(seed)
    expected = literal.svcca(x, y, variance, of)
    assert svcca(x, y, variance=variance, of=of) == pytest.approx(expected, rel=1e-8)


def test_the_rule_is_the_papers_and_not_that_of_variances():
    """Lengths 10, 1, 1: 83 % of the singular values are in one direction, 98 % of variances."""
    e = np.linalg.qr(np.random.default_rng(0).normal(size=(50, 8)))[0]
    e = np.linalg.qr(e - e.mean(axis=0))[0]
    x = e[:, :3] * [10, 1, 1]
    y = e[:, [0, 3, 4]] * [10, 1, 1]
    assert svcca(x, y, variance=0.84) == pytest.approx(1 / 2)
    assert svcca(x, y, variance=0.83) == pytest.approx(1)
    assert svcca(x, y, variance=0.98, of="variances") == pytest.approx(1)
    assert svcca(x, y, variance=0.985, of="variances") == pytest.approx(1 / 2)


def test_a_share_that_is_reached_exactly_is_enough():
    """Lengths 3, 2, 1: two directions have 5/6, whatever rounding makes of it."""
    for seed in range(20):
        generator = np.random.default_rng(seed)
        e = np.linalg.qr(generator.normal(size=(50, 4)))[0]
        e = np.linalg.qr(e - e.mean(axis=0))[0]
        turns = [np.linalg.qr(generator.normal(size=(3, 3)))[0] for _ in "xy"]
        x, y = e[:, :3] * [3, 2, 1] @ turns[0], e[:, [0, 1, 3]] * [3, 2, 1] @ turns[1]
        assert svcca(x, y, variance=5 / 6) == pytest.approx(1)
        assert svcca(x, y, variance=5 / 6 + 1e-9) == pytest.approx(2 / 3)


@given(seed=SEEDS, directions=st.integers(1, 10))
@settings(deadline=None, max_examples=40)
def test_a_number_of_directions_is_of_each_layer_as_far_as_it_has_them(seed, directions):
    x, y = pair(seed)
    kept = []
    for z in (x, y):
        left, _, _ = np.linalg.svd(literal.centre(z), full_matrices=False)
        kept.append(left[:, :directions])
    expected = np.mean(literal.correlations(*kept))
    assert svcca(x, y, directions=directions) == pytest.approx(expected, rel=1e-8)


@given(seed=SEEDS)
@settings(deadline=None, max_examples=40)
def test_all_directions_are_cca(seed):
    x, y = pair(seed)
    assert svcca(x, y, variance=1.0) == pytest.approx(cca(x, y), rel=1e-8)
    both = (svcca(x, y, variance=1.0, centred=False), cca(x, y, centred=False))
    assert both[0] == pytest.approx(both[1], rel=1e-8)


@given(seed=SEEDS, variance=st.sampled_from([0.9, 0.99]))
@settings(deadline=None, max_examples=40)
def test_anatome_is_reproduced(seed, variance):
    x, y = pair(seed)
    expected = literal.anatome_svcca(x, y, variance)
    got = svcca(Moments.from_arrays(x, y), variance=variance, compat="anatome")
    assert got == pytest.approx(expected, rel=1e-7, abs=1e-9)


def test_anatome_keeps_no_direction_of_a_single_neuron():
    x, y = pair(0)
    with pytest.warns(CautionWarning, match="Not defined"):
        assert np.isnan(svcca(x[:, :1], y, compat="anatome"))


def test_noise_in_small_directions_is_left_out():
    generator = np.random.default_rng(0)
    signal, noise = generator.normal(size=(500, 3)), generator.normal(size=(2, 500, 3))
    x, y = np.hstack([signal, 1e-3 * noise[0]]), np.hstack([signal, 1e-3 * noise[1]])
    assert svcca(x, y) == pytest.approx(1, abs=1e-4)
    assert cca(x, y) < 0.7
