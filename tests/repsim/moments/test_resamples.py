"""Groups of whole examples and permutations of them, from arrays in memory."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.errors import InputError
from repsim.matching import match_profile
from repsim.measures import cca, cka, linear_regression
from repsim.moments import Moments, Resamples, UnitOrder, Units, resamples
from tests.references_moments import assert_moments_equal


def layers(examples: int = 24, positions: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(examples * positions, 4)) + 1
    return x, x @ rng.normal(size=(4, 3)) + rng.normal(size=(examples * positions, 3))


def resampled(
    x, y, *, positions: int = 1, groups: int = 1, permutations: int = 0, seed: int = 0, labels=None
) -> Resamples:
    units = Units.of_length(len(x), positions)
    order = UnitOrder.drawn(units, groups=groups, seed=seed, labels=labels)
    return Resamples.from_arrays(x, y, order, permutations=permutations)


def assert_equal(got: Moments, expected: Moments) -> None:
    assert_moments_equal(got, expected)


@given(
    groups=st.integers(1, 24),
    positions=st.sampled_from([1, 2, 3]),
    block=st.integers(1, 100),
    seed=st.integers(0, 5),
)
@settings(deadline=None, max_examples=40)
def test_groups_are_parts_of_the_whole_for_any_block(groups, positions, block, seed) -> None:
    x, y = layers(positions=positions)
    whole = Moments.from_arrays(x, y)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resamples, "BLOCK_ELEMENTS", block)
        found = resampled(x, y, positions=positions, groups=groups, permutations=2, seed=seed)
    sizes = [group.count // positions for group in found.groups]
    assert len(sizes) == groups
    assert max(sizes) - min(sizes) <= 1
    assert_equal(found.total, whole)
    for measure in (cka, cca, linear_regression):
        assert measure(found.total) == pytest.approx(measure(x, y), rel=1e-9)
    # Any order of examples keeps what is of one layer alone.
    for number in range(2):
        null = found.null(number)
        np.testing.assert_allclose(null.yy, whole.yy)
        assert null.norms.yy == pytest.approx(whole.norms.yy)
        assert null.xy.sum() != pytest.approx(whole.xy.sum(), rel=1e-6)


def test_positions_of_an_example_stay_together() -> None:
    x = np.repeat(np.eye(6), 3, axis=0)
    found = resampled(x, x, positions=3, groups=6, permutations=1)
    # Each group is one example: three samples of one neuron.
    assert all(sorted(group.raw().xx.diagonal()) == [0, 0, 0, 0, 0, 3] for group in found.groups)
    # Whole examples meet whole examples.
    product = found.null(0).raw().xy
    assert sorted(product.ravel()) == [0] * 30 + [3] * 6


def test_without_a_group_and_drawn_groups_are_sums_of_groups() -> None:
    found = resampled(*layers(), positions=2, groups=5, permutations=0)
    a, b, c, d, e = found.groups
    assert_equal(found.without(2), a + b + d + e)
    assert_equal(found.drawn([0, 0, 3]), a + a + d)
    assert c.count > 0


def test_a_neuron_that_is_active_in_one_group_alone_is_dead_without_it() -> None:
    rng = np.random.default_rng(0)
    x, y = (np.maximum(rng.normal(size=(4000, 5)), 0) for _ in range(2))
    x[1000:, 2], y[1000:, 0] = 0.0, 0.0
    # Summed in another order, the whole differs from the group by rounding.
    whole, group = Moments.from_arrays(x[::-1], y[::-1]), Moments.from_arrays(x[:1000], y[:1000])
    assert whole.xx[2, 2] != group.xx[2, 2]
    rest = whole - group
    assert not rest.xx[2].any()
    assert not rest.xx[:, 2].any()
    assert not rest.xy[2].any()
    assert not rest.xy[:, 0].any()
    assert not rest.yy[0].any()
    assert (rest.norms.x_xx[2], rest.norms.y_yy[0], rest.sum_x[2]) == (0, 0, 0)
    expected = Moments.from_arrays(x[1000:], y[1000:])
    assert_equal(rest, expected)
    profile = match_profile(rest)
    assert (profile.dead_x.tolist(), profile.dead_y.tolist()) == ([2], [0])


def test_the_order_of_examples_is_drawn_from_the_seed() -> None:
    by_class = np.repeat(np.eye(4), 30, axis=0)
    first, again, other = (
        resampled(by_class, by_class, groups=4, permutations=1, seed=seed) for seed in (0, 0, 1)
    )
    assert np.array_equal(first.groups[0].xx, again.groups[0].xx)
    assert not np.array_equal(first.groups[0].xx, other.groups[0].xx)
    # Sorted as they are, each group would be one class, and each example meet one of its class.
    assert all(np.count_nonzero(group.sum_x) > 1 for group in first.groups)
    assert np.trace(first.null(0).xy) < 60


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_torch_tensors_are_taken(dtype: torch.dtype) -> None:
    x, y = (torch.from_numpy(layer).to(dtype).requires_grad_() for layer in layers())
    exact = [layer.detach().double().numpy() for layer in (x, y)]
    assert_equal(resampled(x, y, positions=2).total, Moments.from_arrays(*exact))


def test_samples_that_belong_together_stay_together() -> None:
    ids = np.array(["b", "a", "b", "c", "a", "a", "d"])
    x = np.eye(4)[np.unique(ids, return_inverse=True)[1]]
    units = Units.of_ids(ids)
    assert units.lengths.tolist() == [2, 3, 1, 1]
    order = UnitOrder.drawn(units, groups=4, seed=1)
    found = Resamples.from_arrays(x, x, order, permutations=3)
    assert sorted(group.count for group in found.groups) == [1, 1, 2, 3]
    # Units of different lengths: rows meet others, and every sample is there once.
    for number in range(3):
        assert found.null(number).raw().xy.sum() == pytest.approx(7)
        assert np.array_equal(np.sort(order.permuted_rows(number)), np.arange(7))
    assert Units.of_length(7, 3).lengths.tolist() == [3, 3, 1]
    positions = Units.of_ids(np.array([1, 0, 1])).of_positions(2)
    assert positions.rows_of(np.array([0])).tolist() == [0, 1, 4, 5]


def test_units_meet_others_of_their_class() -> None:
    labels = np.arange(24) % 3
    x = np.repeat(np.eye(3)[labels], 2, axis=0)
    found = resampled(x, x, positions=2, groups=4, permutations=3, labels=labels)
    assert len(found.within) == 3
    for number in range(3):
        np.testing.assert_allclose(found.null_within(number).xy, found.total.xy, atol=1e-12)
        assert not np.allclose(found.null(number).xy, found.total.xy)


def test_labels_are_of_units_or_of_all_their_samples() -> None:
    units = Units.of_ids(np.array([0, 1, 0, 1]))
    assert units.values_of(np.array(["x", "y"]), "labels").tolist() == ["x", "y"]
    assert units.values_of(np.array([5, 6, 5, 6]), "labels").tolist() == [5, 6]
    # As many units as samples, in another order: labels are of the samples.
    units_of_one = Units.of_ids(np.array([3, 1, 2]))
    assert units_of_one.values_of(np.array([30, 10, 20]), "labels").tolist() == [30, 10, 20]
    with pytest.raises(InputError, match="the same labels for all samples of a unit"):
        units.values_of(np.array([5, 6, 6, 6]), "labels")
    with pytest.raises(InputError, match=r"\(2,\), one for each unit, or \(4,\).* Got \(3,\)"):
        units.values_of(np.arange(3), "labels")


def test_what_cannot_be_grouped_is_refused() -> None:
    x, y = layers()
    with pytest.raises(InputError, match="Got 25 groups of 24 units"):
        resampled(x, y, positions=2, groups=25)
    with pytest.raises(InputError, match="Got 0 groups"):
        resampled(x, y, groups=0)
    with pytest.raises(InputError, match="at least two units to permute"):
        resampled(x[:1], y[:1], permutations=1)
    with pytest.raises(InputError, match=r"between 1 and 48 consecutive samples .* Got 49"):
        Units.of_length(48, 49)
    y[17, 2] = np.nan
    with pytest.raises(InputError, match="Got nan in Y at sample 17, neuron 2"):
        resampled(x, y)
    x[9, 1] = 1e300
    with pytest.raises(
        InputError, match=r"fourth powers fit in float64\. Got 1e[+]300 in X, neuron"
    ):
        resampled(x, x)


def test_subtraction_is_of_a_part() -> None:
    whole, part = Moments.from_arrays(*layers()), Moments.from_arrays(*layers(8))
    with pytest.raises(InputError, match=r"part of 16 samples .* Got 48 of 4 [+] 3"):
        part - whole
    with pytest.raises(InputError, match=r"Got 16 of 3 [+] 4"):
        whole - Moments.from_arrays(*layers(8)[::-1])


def test_few_units_do_not_make_small_p_values() -> None:
    """With two units half of all permutations are the identity."""
    x = np.random.default_rng(0).normal(size=(40, 2))
    order = UnitOrder.drawn(Units.of_length(40, 20), groups=1, seed=0)
    same = [np.array_equal(order.permuted_rows(n), order.rows) for n in range(400)]
    assert 0.4 < np.mean(same) < 0.6
    found = Resamples.from_arrays(x, x, order, permutations=20)
    assert any(np.allclose(found.null(n).xy, found.total.xy) for n in range(20))
