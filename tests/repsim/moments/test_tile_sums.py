"""Many pairs and their nulls from one pass: the same sums as pair by pair, however it is cut."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.errors import InputError
from repsim.moments import Moments, Permuted, TileSums, within_classes
from repsim.origin import Origin
from tests.references_moments import assert_moments_equal, norm_sums, rotated

WIDTHS = [3, 4, 2]
PAIRS = [(0, 1), (0, 2), (2, 1)]


def networks(examples: int, positions: int = 1, dtype: str = "float64") -> list[np.ndarray]:
    rng = np.random.default_rng(examples)
    return [rng.normal(size=(examples * positions, width)).astype(dtype) for width in WIDTHS]


def summed(
    layers: list[np.ndarray], positions: int, permutations: int, cuts: list[int]
) -> tuple[list[Moments], list[list[Permuted]]]:
    """All pairs, from blocks that end after so many examples."""
    examples = len(layers[0]) // positions
    tile = TileSums(
        WIDTHS, PAIRS, examples=examples, positions=positions, permutations=permutations
    )
    for first, last in itertools.pairwise([0, *sorted(cuts), examples]):
        tile.update([layer[first * positions : last * positions] for layer in layers])
    return tile.cut(), tile.finish()


def assert_equal(got: Moments, expected: Moments) -> None:
    assert_moments_equal(got, expected, rtol=1e-9, atol=1e-11)


@given(
    examples=st.integers(2, 14),
    positions=st.integers(1, 3),
    permutations=st.integers(1, 16),
    cuts=st.lists(st.integers(0, 14), max_size=6),
)
@settings(deadline=None)
def test_every_permutation_is_the_literal_rotation(examples, positions, permutations, cuts) -> None:
    layers = networks(examples, positions)
    cuts = [min(cut, examples) for cut in cuts]
    permutations = min(permutations, examples - 1)
    moments, permuted = summed(layers, positions, permutations, cuts)
    for (a, b), of_pair, null in zip(PAIRS, moments, permuted, strict=True):
        x, y = layers[a], layers[b]
        assert_equal(of_pair, Moments.from_arrays(x, y))
        assert len(null) == permutations
        for number, sums in enumerate(null):
            expected = Moments.from_arrays(x, rotated(y, 1 + number, positions))
            assert_equal(sums.applied_to(of_pair), expected)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_narrow_numbers_are_widened_before_they_are_summed(dtype: str) -> None:
    layers = networks(9, dtype=dtype)
    (moments, *_), ((permuted, *_), *_) = summed(layers, 1, 1, [4])
    x, y = layers[0], rotated(layers[1], 1)
    assert_equal(moments, Moments.from_arrays(layers[0].astype(float), layers[1].astype(float)))
    np.testing.assert_allclose(permuted.xy, x.T.astype(float) @ y, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(permuted.norms_x_yy, norm_sums(x, y)["x_yy"], rtol=1e-12)


def test_cuts_part_the_moments_and_not_the_null() -> None:
    layers = networks(10)
    whole, null = summed(layers, 1, 3, [])
    tile = TileSums(WIDTHS, PAIRS, examples=10, permutations=3)
    tile.update([layer[:7] for layer in layers])
    first = tile.cut()
    tile.update([layer[7:] for layer in layers])
    second = tile.cut()
    for of_pair, a, b in zip(whole, first, second, strict=True):
        assert (a.count, b.count) == (7, 3)
        assert_equal(a + b, of_pair)
    assert all(moments.count == 0 for moments in tile.cut())
    for expected, got in zip(null, tile.finish(), strict=True):
        for a, b in zip(expected, got, strict=True):
            np.testing.assert_allclose(a.xy, b.xy, atol=1e-12)


def test_null_of_two_runs_is_the_sum_of_theirs() -> None:
    layers = networks(11)
    runs = [
        summed([layer[part] for layer in layers], 1, 2, []) for part in (slice(6), slice(6, 11))
    ]
    (_, ((_, a), *_)), (_, ((_, b), *_)) = runs
    x, y = layers[0], np.concatenate([rotated(layers[1][:6], 2), rotated(layers[1][6:], 2)])
    np.testing.assert_allclose((a + b).xy, x.T @ y, atol=1e-12)
    assert (a + b).norms_xy == pytest.approx(norm_sums(x, y)["xy"])


def test_pairs_share_what_they_have_of_a_network() -> None:
    first, second, third = summed(networks(5), 1, 0, [])[0]
    assert first.xx is second.xx
    assert second.yy is third.xx


def test_permuted_moments_are_read_back() -> None:
    _, ((permuted, *_), *_) = summed(networks(5), 1, 1, [])
    arrays = permuted.arrays()
    again = Permuted.from_mapping(arrays)
    assert all(np.array_equal(arrays[name], again.arrays()[name]) for name in arrays)
    with pytest.raises(InputError, match="Got no norms_xy; there are: xy"):
        Permuted.from_mapping({"xy": arrays["xy"]})
    with pytest.raises(InputError, match="Expected finite numbers of Permuted"):
        Permuted.from_mapping({**arrays, "xy": np.full((3, 4), np.nan)})


def test_what_is_not_one_run_of_examples_is_refused() -> None:
    layers = networks(4, 2)
    tile = TileSums(WIDTHS, PAIRS, examples=4, positions=2, permutations=1)
    with pytest.raises(InputError, match=r"with 2 rows each\. Got blocks of \[3, 3, 3\] rows"):
        tile.update([layer[:3] for layer in layers])
    with pytest.raises(InputError, match=r"Got blocks of \[4, 4, 2\] rows"):
        tile.update([*(layer[:4] for layer in layers[:2]), layers[2][:2]])
    with pytest.raises(InputError, match=r"the same whole examples of 3 networks.* \[4, 4\] rows"):
        tile.update([layer[:4] for layer in layers[:2]])
    tile.update([layer[:4] for layer in layers])
    with pytest.raises(InputError, match=r"Expected 4 examples\. Got 2"):
        tile.finish()
    with pytest.raises(InputError, match=r"Expected 4 examples\. Got 6 or more"):
        tile.update(layers)


def test_a_run_of_one_example_has_a_total_and_no_null() -> None:
    (moments, *_), null = summed(networks(1, 3), 3, 0, [])
    assert moments.count == 3
    assert null == [[], [], []]
    with pytest.raises(InputError, match=r"fewer permutations than examples\. Got 1 of 1"):
        TileSums(WIDTHS, PAIRS, examples=1, permutations=1)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_named(bad: float) -> None:
    layers = networks(8)
    layers[2][5, 1] = bad
    tile = TileSums(WIDTHS, PAIRS, examples=8, names=["a", "b", "c"])
    tile.update([layer[:4] for layer in layers])
    with pytest.raises(InputError, match=f"Got {bad} in c at sample 5, neuron 1"):
        tile.update([layer[4:] for layer in layers])


@pytest.mark.parametrize("positions", [1, 3])
def test_examples_meet_others_of_their_class(positions: int) -> None:
    layers, labels = networks(14, positions), np.array([0, 1, 2] * 4 + [0, 3])
    tile = TileSums(WIDTHS, PAIRS, examples=14, positions=positions, permutations=4)
    blocks = [slice(0, 9), slice(9, 14)]
    expected = [np.zeros((WIDTHS[a], WIDTHS[b])) for a, b in PAIRS]
    for block in blocks:
        part = [layer[block.start * positions : block.stop * positions] for layer in layers]
        tile.permute(part, labels[block])
        tile.update(part)
        met = within_classes(labels[block], 2, block.start)
        assert (labels[block][met] == labels[block]).all()
        for number, (a, b) in enumerate(PAIRS):
            y = part[b].reshape(-1, positions, WIDTHS[b])[met].reshape(-1, WIDTHS[b])
            expected[number] += part[a].T @ y
    tile.cut()
    for nulls, sums in zip(tile.finish(), expected, strict=True):
        assert len(nulls) == 8
        np.testing.assert_allclose(nulls[4 + 2].xy, sums, atol=1e-12)


def test_permutations_within_classes_are_all_equally_likely() -> None:
    labels = np.array([5, 5, 2, 5, 2, 9])
    met = np.stack([within_classes(labels, number, 7) for number in range(6000)])
    assert (np.sort(met, axis=1) == np.arange(6)).all()
    assert (labels[met] == labels).all()
    # 3! orders of one class, 2! of the other: 12 of all, each within five standard deviations.
    _, counts = np.unique(met, axis=0, return_counts=True)
    assert len(counts) == 12
    assert np.abs(counts - 500).max() < 5 * np.sqrt(500)
    assert np.array_equal(within_classes(labels, 3, 7), met[3])


def test_origins_change_nothing_but_the_rounding() -> None:
    layers = [layer + 5 for layer in networks(12)]
    whole, nulls = summed(layers, 1, 2, [5])
    tile = TileSums(
        WIDTHS, PAIRS, examples=12, permutations=2, origins=[Origin.of(x) for x in layers]
    )
    tile.permute(layers, np.zeros(12, dtype=int))
    tile.update(layers)
    for about, plain, found, expected in zip(tile.cut(), whole, tile.finish(), nulls, strict=True):
        assert about.origin_x.moved
        assert_equal(about, plain)
        for of_origin, of_zero in zip(found, expected, strict=False):
            assert_equal(of_origin.applied_to(about), of_zero.applied_to(plain))
