"""Linear CKA against the literal kernel form: biased, debiased, and as other libraries have it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.errors import InputError
from repsim.measures import cka
from repsim.moments import Moments
from tests import references_measures as literal

SEEDS = st.integers(0, 10**6)


def arrays(seed, samples=40, p=4, q=6):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(samples, p)) + generator.normal(size=p)
    mixed = x @ generator.normal(size=(p, q))
    return x, mixed + generator.exponential() * generator.normal(size=(samples, q))


@given(seed=SEEDS, p=st.integers(1, 6), q=st.integers(1, 6))
@settings(deadline=None, max_examples=40)
def test_it_is_the_alignment_of_the_kernels(seed, p, q):
    x, y = arrays(seed, p=p, q=q)
    assert cka(x, y) == pytest.approx(literal.cka(x, y), rel=1e-9)


@given(seed=SEEDS, samples=st.integers(4, 40), p=st.integers(1, 6), q=st.integers(1, 6))
@settings(deadline=None, max_examples=40)
def test_debiased_it_is_that_of_kernels_without_their_diagonals(seed, samples, p, q):
    x, y = arrays(seed, samples, p, q)
    expected = literal.debiased_cka(x, y)
    # Four samples leave a kernel of two free numbers: large ones cancel.
    assert cka(x, y, debiased=True) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_debiased_unrelated_layers_get_0_on_average_and_negative_values_stay():
    generator = np.random.default_rng(0)
    values, biased = [], []
    for _ in range(200):
        x, y = generator.normal(size=(50, 20)), generator.normal(size=(50, 20))
        values.append(cka(x, y, debiased=True))
        biased.append(cka(x, y))
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(200)
    assert min(values) < -0.01
    assert np.mean(biased) == pytest.approx(20 / 50, rel=0.3)


def test_more_samples_bring_the_estimates_together():
    x, y = arrays(0, samples=20_000)
    assert cka(x, y, debiased=True) == pytest.approx(cka(x, y), abs=1e-3)


def test_fewer_than_four_samples_cannot_be_debiased():
    x, y = arrays(0, samples=3)
    with pytest.raises(InputError, match="Expected at least 4 samples for a debiased estimate"):
        cka(x, y, debiased=True)


def test_a_layer_is_unlike_an_orthogonal_one():
    waves = np.cos(np.pi * np.outer(np.arange(64) + 0.5, np.arange(1, 7)) / 64)
    assert cka(waves[:, :3], waves[:, 3:]) == pytest.approx(0, abs=1e-12)


def test_moments_give_what_the_arrays_give():
    x, y = arrays(0)
    parts = Moments.from_arrays(x[:13], y[:13]) + Moments.from_arrays(x[13:], y[13:])
    for debiased in (False, True):
        whole = cka(x, y, debiased=debiased)
        assert cka(parts, debiased=debiased) == pytest.approx(whole, rel=1e-12)


@given(seed=SEEDS)
@settings(deadline=None, max_examples=40)
def test_libraries_are_reproduced(seed):
    x, y = arrays(seed)
    centred_x, centred_y = literal.centre(x), literal.centre(y)
    angle = literal.angle(centred_x @ centred_x.T, centred_y @ centred_y.T)
    assert cka(x, y, compat="netrep") == pytest.approx(angle, rel=1e-9, abs=1e-9)
    assert cka(x, y, compat="anatome") == pytest.approx(1 - literal.cka(x, y), rel=1e-9)
