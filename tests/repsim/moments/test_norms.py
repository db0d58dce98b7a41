"""Sums with the squared norms of samples: what debiased HSIC needs, about the means or not."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.errors import CautionWarning
from repsim.measures import cka
from repsim.moments import Moments, Norms
from tests import references_measures
from tests.references_moments import norm_sums


def layers(seed: int = 0, samples: int = 40, mean: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(samples, 4)) + mean * rng.normal(size=4)
    return x, np.maximum(x @ rng.normal(size=(4, 3)) + rng.normal(size=(samples, 3)), 0)


def assert_sums(norms: Norms, expected: dict[str, np.ndarray], rtol: float = 1e-12) -> None:
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(norms, name), value, rtol=rtol, atol=1e-12)


def test_are_the_literal_sums() -> None:
    x, y = layers()
    assert_sums(Moments.from_arrays(x, y).norms, norm_sums(x, y))
    assert_sums(Norms.zeros(4, 3), norm_sums(x[:0], y[:0]))


def test_of_narrow_numbers_are_summed_in_float64() -> None:
    x, y = (layer.astype(np.float16) for layer in layers())
    assert_sums(Moments.from_arrays(x, y).norms, norm_sums(x, y))


@pytest.mark.parametrize("mean", [0.0, 1.0, 30.0])
def test_about_the_means_are_those_of_centred_samples(mean: float) -> None:
    x, y = layers(mean=mean)
    expected = norm_sums(x - x.mean(axis=0), y - y.mean(axis=0))
    # Digits are lost with the fourth power of mean over deviation.
    largest = max(np.abs(value).max() for value in expected.values())
    norms = Moments.from_arrays(x, y).centred().norms
    for name, value in expected.items():
        np.testing.assert_allclose(
            getattr(norms, name), value, atol=1e-13 * max(1.0, mean) ** 4 * largest
        )


def test_of_constant_layers_are_zero_about_the_means() -> None:
    x, y = layers(samples=999)
    x[:] = [0.1, 7.0, -3.0, 1e4]
    norms = Moments.from_arrays(x, y).centred().norms
    assert (norms.xx, norms.xy) == (0.0, 0.0)
    assert not any(values.any() for values in (norms.x_xx, norms.x_yy, norms.y_xx))
    assert norms.yy > 0
    with pytest.warns(CautionWarning, match="every neuron of X is constant over the samples"):
        assert np.isnan(cka(x, y, debiased=True))


@given(
    cuts=st.lists(st.integers(4, 36), max_size=4),
    order=st.randoms(use_true_random=False),
    seed=st.integers(0, 99),
)
@settings(deadline=None)
def test_values_do_not_depend_on_chunks_or_their_order(cuts, order, seed) -> None:
    x, y = layers(seed)
    edges = [0, *sorted(cuts), 40]
    parts = [Moments.from_arrays(x[a:b], y[a:b]) for a, b in itertools.pairwise(edges)]
    order.shuffle(parts)
    streamed = cka(sum(parts, start=Moments.zeros(4, 3)), debiased=True)
    assert streamed == pytest.approx(references_measures.debiased_cka(x, y), rel=1e-9)


def test_are_read_back() -> None:
    x, y = layers()
    moments = Moments.from_arrays(x, y)
    assert_sums(Moments.from_mapping(moments.arrays()).norms, norm_sums(x, y))
