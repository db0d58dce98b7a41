"""Moments: the same numbers whatever the blocks, the order, the precision or the library."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.errors import InputError
from repsim.moments import Moments
from tests.references_moments import assert_moments_equal


def activations(samples: int = 50, p: int = 4, q: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return np.maximum(rng.standard_normal((samples, p)), 0), rng.standard_normal((samples, q))


def assert_equal(a: Moments, b: Moments, rtol: float = 1e-12) -> None:
    assert_moments_equal(a, b, rtol=rtol, atol=1e-12)


def test_are_the_sums_and_products() -> None:
    x, y = activations()
    moments = Moments.from_arrays(x, y)
    assert (moments.count, moments.p, moments.q) == (50, 4, 3)
    np.testing.assert_allclose(moments.sum_x, x.sum(axis=0))
    np.testing.assert_allclose(moments.xx, x.T @ x)
    np.testing.assert_allclose(moments.xy, x.T @ y)
    np.testing.assert_allclose(moments.yy, y.T @ y)


@given(cuts=st.lists(st.integers(0, 50), max_size=5), order=st.randoms(use_true_random=False))
@settings(deadline=None)
def test_any_partition_added_in_any_order_gives_the_same(cuts, order) -> None:
    x, y = activations()
    edges = [0, *sorted(cuts), 50]
    parts = [Moments.from_arrays(x[a:b], y[a:b]) for a, b in itertools.pairwise(edges)]
    order.shuffle(parts)
    assert_equal(sum(parts, start=Moments.zeros(4, 3)), Moments.from_arrays(x, y))


@pytest.mark.parametrize("block_size", [1, 7, 50, 1000])
def test_blocks_do_not_matter(block_size: int) -> None:
    x, y = activations()
    whole = Moments.from_arrays(x, y)
    assert_equal(Moments.from_arrays(x, y, block_size=block_size), whole)
    assert_equal(Moments.from_arrays(x[:20], y[:20]).update(x[20:], y[20:]), whole)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_narrow_numbers_are_widened_before_they_are_summed(dtype: str) -> None:
    x, y = (a.astype(dtype) for a in activations(5000))
    wide = Moments.from_arrays(x.astype(np.float64), y.astype(np.float64))
    assert_equal(Moments.from_arrays(x, y), wide, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_torch_tensors_are_taken(dtype: torch.dtype) -> None:
    x, y = (torch.from_numpy(a).to(dtype).requires_grad_() for a in activations())
    expected = Moments.from_arrays(x.detach().double().numpy(), y.detach().double().numpy())
    assert_equal(Moments.from_arrays(x, y), expected)


def test_strided_and_integer_arrays_are_taken() -> None:
    x, y = activations(60)
    assert_equal(
        Moments.from_arrays(x[::2, ::-1], np.asfortranarray(y[::2])),
        Moments.from_arrays(x[::2, ::-1].copy(), y[::2].copy()),
    )
    ones = np.ones((5, 2), dtype=bool)
    assert Moments.from_arrays(ones, ones.astype(int)).raw().xy.tolist() == [[5, 5], [5, 5]]


def test_centring_is_subtraction_of_the_means() -> None:
    x, y = activations()
    centred = Moments.from_arrays(x - x.mean(axis=0), y - y.mean(axis=0))
    moments = Moments.from_arrays(x, y).centred()
    np.testing.assert_allclose(moments.origin_x.shift, x.mean(axis=0))
    assert not moments.sum_x.any()
    for name in ("xx", "xy", "yy"):
        np.testing.assert_allclose(getattr(moments, name), getattr(centred, name), atol=1e-12)
    assert Moments.zeros(2, 2).centred().count == 0


def test_a_constant_neuron_has_exactly_no_centred_moment() -> None:
    x, y = activations(4999)
    x[:, 1] = 0.1
    centred = Moments.from_arrays(x, y).centred()
    assert not centred.xx[1].any()
    assert not centred.xx[:, 1].any()
    assert not centred.xy[1].any()
    assert centred.xx[0, 0] > 0


@pytest.mark.usefixtures("unchecked_shapes")
def test_arrays_are_read_back() -> None:
    moments = Moments.from_arrays(*activations())
    assert_equal(Moments.from_mapping({**moments.arrays(), "other": np.ones(1)}), moments, rtol=0)
    with pytest.raises(InputError, match="Got no yy"):
        Moments.from_mapping({k: v for k, v in moments.arrays().items() if k != "yy"})
    with pytest.raises(InputError, match="non-finite numbers in xy"):
        Moments.from_mapping({**moments.arrays(), "xy": np.full((4, 3), np.nan)})
    with pytest.raises(InputError, match=r"Expected xy of shape \(4, 3\)"):
        Moments.from_mapping({**moments.arrays(), "xy": np.ones((3, 3))})
    with pytest.raises(InputError, match="count of samples"):
        Moments.from_mapping({**moments.arrays(), "count": np.array(-1)})


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_non_finite_number_is_named(bad: float) -> None:
    x, y = activations()
    y[31, 2] = bad
    with pytest.raises(InputError, match=f"Got {bad} in Y at sample 31, neuron 2"):
        Moments.from_arrays(x, y, block_size=10)


def test_squares_that_overflow_are_refused() -> None:
    x, y = activations()
    x[3, 1] = 1e200
    with pytest.raises(
        InputError, match=r"fourth powers fit in float64\. Got 1e[+]200 in X, neuron 1"
    ):
        Moments.from_arrays(x, y)


def test_arrays_that_are_not_two_layers_are_refused() -> None:
    x, y = activations()
    with pytest.raises(InputError, match=r"50 samples .rows. in X and 49 in Y"):
        Moments.from_arrays(x, y[:-1])
    with pytest.raises(InputError, match=r"Got shape \(5, 5, 2\)"):
        Moments.from_arrays(x.reshape(5, 5, -1)[..., :2], y)
    with pytest.raises(InputError, match="at least one neuron in Y"):
        Moments.from_arrays(x, y[:, :0])
    with pytest.raises(InputError, match="Got dtype complex128"):
        Moments.from_arrays(x * 1j, y)
    with pytest.raises(InputError, match="block_size"):
        Moments.from_arrays(x, y, block_size=0)
    with pytest.raises(InputError, match=r"Got 4 \+ 3 neurons and 3 \+ 4"):
        Moments.from_arrays(x, y) + Moments.from_arrays(y, x)
