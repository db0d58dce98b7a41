"""Canonical correlations against orthonormal bases of the samples, and the libraries' ways."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.measures import cca, cca_spectrum
from repsim.moments import Moments
from tests import references_measures as literal
from tests.repsim.matching.instances import linear_pair, relu_pair

SEEDS = st.integers(0, 10**6)
WIDTHS = st.integers(1, 8)


def pair(seed, p=5, q=7, samples=80):
    found = relu_pair(seed, samples, p, q, shared=6, noise=1.0)
    return found.x, found.y


@given(seed=SEEDS, p=WIDTHS, q=WIDTHS, centred=st.booleans())
@settings(deadline=None, max_examples=40)
def test_the_spectrum_is_of_orthonormal_bases(seed, p, q, centred):
    x, y = pair(seed, p, q)
    expected = literal.correlations(*(literal.centre(z) if centred else z for z in (x, y)))
    np.testing.assert_allclose(cca_spectrum(x, y, centred=centred), expected, atol=1e-9)
    for power in (1, 2):
        got = cca(x, y, power=power, centred=centred)
        assert got == pytest.approx(np.mean(expected**power), rel=1e-9)


@given(seed=SEEDS)
@settings(deadline=None, max_examples=40)
def test_dependent_neurons_add_no_correlations(seed):
    """Twelve neurons of a layer in five dimensions, and seven of one in three."""
    narrow = linear_pair(seed, 80, 5, 3, shared=6, noise=1.0)
    generator = np.random.default_rng(seed)
    x = np.hstack([narrow.x, narrow.x @ generator.normal(size=(5, 7))])
    y = np.hstack([narrow.y, narrow.y[:, :1], 1e-3 * narrow.y])
    expected = cca_spectrum(narrow.x, narrow.y)
    assert len(cca_spectrum(x, y)) == 3
    np.testing.assert_allclose(cca_spectrum(x, y), expected, atol=1e-8)


def test_the_lengths_of_neurons_do_not_matter_even_where_they_differ_by_far():
    x, y = pair(0)
    graded = x * 10.0 ** -np.arange(5)
    assert cca(1e-6 * graded, 1e6 * y) == pytest.approx(cca(x, y), rel=1e-9)


def test_planes_with_known_angles():
    """Spans of two directions, turned against each other by 30 and 60 degrees."""
    e = np.linalg.qr(np.random.default_rng(0).normal(size=(40, 4)))[0]
    x, y = e[:, :2], np.cos([np.pi / 6, np.pi / 3]) * e[:, :2] + np.sqrt([1 / 4, 3 / 4]) * e[:, 2:]
    np.testing.assert_allclose(cca_spectrum(x, y, centred=False), [np.sqrt(3) / 2, 1 / 2])
    assert cca(x, y, centred=False) == pytest.approx((np.sqrt(3) / 2 + 1 / 2) / 2)
    assert cca(x, y, centred=False, power=2) == pytest.approx(1 / 2)


def test_contained_and_orthogonal_spans():
    waves = np.cos(np.pi * np.outer(np.arange(64) + 0.5, np.arange(1, 7)) / 64)
    assert cca(waves[:, :2], waves) == pytest.approx(1)
    assert cca(waves[:, :3], waves[:, 3:]) == pytest.approx(0, abs=1e-12)


def test_unrelated_layers_get_the_documented_floor():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(2000, 40)), generator.normal(size=(2000, 100))
    assert cca(x, y, power=2) == pytest.approx(100 / 2000, rel=0.05)


@given(seed=SEEDS, p=WIDTHS, q=WIDTHS)
@settings(deadline=None, max_examples=40)
def test_libraries_are_reproduced(seed, p, q):
    x, y = pair(seed, p, q)
    moments = Moments.from_arrays(x, y)
    google = cca(moments, compat="google/svcca")
    assert google == pytest.approx(literal.google_mean(x, y), rel=1e-8)
    kornblith = cca(moments, compat="kornblith")
    assert kornblith == pytest.approx(literal.kornblith_cca(x, y), rel=1e-9)
    # arccos loses half the digits near 0.
    angle = cca(moments, compat="netrep")
    assert angle == pytest.approx(literal.netrep_linear(x, y, alpha=0.0), rel=1e-7, abs=1e-7)


def test_google_leaves_out_the_last_two_percent_of_the_sum():
    e = np.linalg.qr(np.random.default_rng(0).normal(size=(60, 20)))[0]
    e = np.linalg.qr(e - e.mean(axis=0))[0]
    rho = np.array([1.0] * 9 + [0.05])
    x, y = e[:, :10], rho * e[:, :10] + np.sqrt(1 - rho**2) * e[:, 10:]
    assert cca(x, y) == pytest.approx(0.905)
    assert cca(x, y, compat="google/svcca") == pytest.approx(1)


def test_the_spectrum_can_be_written_in_without_harm():
    moments = Moments.from_arrays(*pair(0))
    before = cca(moments)
    cca_spectrum(moments)[:] = 0
    assert cca(moments) == before
