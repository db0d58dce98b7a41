"""Linear CKA against the literal kernel form, and what should and should not change it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repsim import Moments, cka
from repsim.errors import InputError


def literal_cka(x, y):
    """Kornblith et al. 2019, equations 3 to 5: HSIC of the two sample × sample kernels."""
    centre = np.eye(len(x)) - 1 / len(x)
    kernel_x, kernel_y = centre @ x @ x.T @ centre, centre @ y @ y.T @ centre

    def hsic(a, b):
        return np.trace(a @ b)

    return hsic(kernel_x, kernel_y) / np.sqrt(hsic(kernel_x, kernel_x) * hsic(kernel_y, kernel_y))


def arrays(seed, samples=40, p=4, q=6):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(samples, p)) + generator.normal(size=p)
    mixed = x @ generator.normal(size=(p, q))
    return x, mixed + generator.exponential() * generator.normal(size=(samples, q))


@given(seed=st.integers(0, 10**6), p=st.integers(1, 6), q=st.integers(1, 6))
def test_it_is_the_alignment_of_the_kernels(seed, p, q):
    x, y = arrays(seed, p=p, q=q)
    assert cka(x, y) == pytest.approx(literal_cka(x, y), rel=1e-9)
    assert 0 <= cka(x, y) <= 1 + 1e-12


@given(seed=st.integers(0, 10**6))
def test_rotation_scale_shift_and_order_do_not_change_it(seed):
    x, y = arrays(seed)
    generator = np.random.default_rng(seed)
    rotation = np.linalg.qr(generator.normal(size=(4, 4)))[0]
    order = generator.permutation(len(x))
    moved = 1e-3 * (x @ rotation + generator.normal(size=4))
    assert cka(moved[order], 50 * y[order]) == pytest.approx(cka(x, y), rel=1e-9)
    assert cka(y, x) == pytest.approx(cka(x, y), rel=1e-12)


def test_another_scale_for_each_neuron_changes_it():
    x, y = arrays(0)
    assert cka(x * [1, 10, 100, 1000], y) != pytest.approx(cka(x, y), rel=1e-2)


def test_a_layer_is_like_itself_and_unlike_an_orthogonal_one():
    waves = np.cos(np.pi * np.outer(np.arange(64) + 0.5, np.arange(1, 7)) / 64)
    assert cka(waves[:, :3], waves[:, :3]) == pytest.approx(1)
    assert cka(waves[:, :3], waves[:, 3:]) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("constant", [0.0, 3.7])
def test_a_constant_layer_has_no_alignment(constant):
    x, y = arrays(0)
    assert np.isnan(cka(np.full_like(x, constant), y))


def test_moments_give_what_the_arrays_give():
    x, y = arrays(0)
    parts = Moments.from_arrays(x[:13], y[:13]) + Moments.from_arrays(x[13:], y[13:])
    assert cka(parts) == pytest.approx(cka(x, y), rel=1e-12)


def test_anything_but_two_arrays_or_moments_is_refused():
    x, y = arrays(0)
    with pytest.raises(InputError, match="Expected two arrays, or the moments of a pair alone"):
        cka(x)
    with pytest.raises(InputError, match="Expected two arrays, or the moments of a pair alone"):
        cka(Moments.from_arrays(x, y), y)
