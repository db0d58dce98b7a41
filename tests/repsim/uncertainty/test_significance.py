"""Values against their null: p-values that hold, and the scale on which chance is 0."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.errors import InputError
from repsim.uncertainty import chance_corrected, family_p_values, null_band, p_value

NUMBERS = st.integers(-20, 20).map(lambda number: number / 10)


@settings(deadline=None)
@given(value=NUMBERS, null=st.lists(NUMBERS, min_size=1, max_size=30))
def test_p_value_counts_the_value_itself(value, null) -> None:
    reached = sum(1 for other in null if other >= value)
    assert p_value(value, null) == pytest.approx((1 + reached) / (1 + len(null)))
    distances = [-other for other in null]
    assert p_value(-value, distances, larger_is_more_similar=False) == p_value(value, null)


def test_values_that_differ_by_rounding_are_ties() -> None:
    assert p_value(1.0, [1 - 1e-15] * 19) == 1
    assert p_value(1.0, [1 + 1e-15] * 19, larger_is_more_similar=False) == 1
    assert p_value(1.0, [1 - 1e-6] * 19) == 0.05
    rounding = 1 - 1e-15 * np.arange(1, 20)
    assert family_p_values([1.0], rounding[None]).tolist() == [1]


def test_band_is_the_range_of_few_and_a_quantile_of_many() -> None:
    null = np.random.default_rng(0).permutation(np.arange(1, 20) / 20)
    band = null_band(null)
    assert (band.mean, band.low, band.high) == pytest.approx((0.5, 0.05, 0.95))
    band = null_band(np.arange(1, 1000) / 1000)
    assert (band.low, band.high) == pytest.approx((0.05, 0.95))
    band = null_band([0.2, 0.4])
    assert (band.mean, band.low, band.high) == pytest.approx((0.3, 0.2, 0.4))


def test_chance_corrected_is_0_for_chance_and_1_for_the_best() -> None:
    null = [0.5, 0.6, 0.7]
    assert chance_corrected(0.6, null) == pytest.approx(0)
    assert chance_corrected(1.0, null) == pytest.approx(1)
    assert chance_corrected(0.5, null) < 0
    # Of a distance, where 0 is best.
    assert chance_corrected(1.5, [1.5], best=0.0) == pytest.approx(0)
    assert chance_corrected(0.375, [1.5], best=0.0) == pytest.approx(0.75)
    assert np.isnan(chance_corrected(1.0, [1.0, 1.0 - 1e-15]))


def literal_family(values, nulls, sign=1):
    """Single-step maxT of scores over the value and its null together."""
    scores = []
    for value, null in zip(values, nulls, strict=True):
        every = [sign * number for number in [value, *null]]
        mean = sum(every) / len(every)
        deviation = (sum((n - mean) ** 2 for n in every) / len(every)) ** 0.5
        scores.append([(n - mean) / deviation for n in every])
    most = [max(column) for column in list(zip(*scores, strict=True))[1:]]
    return [(1 + sum(m >= s[0] for m in most)) / (1 + len(most)) for s in scores]


@settings(deadline=None)
@given(layers=st.integers(1, 5), seed=st.integers(0, 1000))
def test_family_p_values_are_those_of_the_largest_score(layers, seed) -> None:
    rng = np.random.default_rng(seed)
    scale, level = rng.uniform(0.1, 10, size=(2, layers, 1))
    nulls = level + scale * rng.normal(size=(layers, 9))
    values = (level + 2 * scale * rng.normal(size=(layers, 1)))[:, 0]
    found = family_p_values(values, nulls)
    np.testing.assert_allclose(found, literal_family(values, nulls))
    np.testing.assert_allclose(
        family_p_values(-values, -nulls, larger_is_more_similar=False), found
    )
    alone = [p_value(value, null) for value, null in zip(values, nulls, strict=True)]
    assert (found >= np.array(alone) - 1e-12).all()
    # A layer of other units has the same say.
    units = rng.uniform(0.01, 100, size=(layers, 1))
    np.testing.assert_allclose(family_p_values(units[:, 0] * values, units * nulls), found)


def test_the_largest_over_layers_is_significant_no_more_often_than_said() -> None:
    rng = np.random.default_rng(0)
    runs, layers, permutations = 2000, 12, 19
    # Layers of one network are alike: their nulls go together.
    every = rng.normal(size=(runs, layers, permutations + 1)) + rng.normal(size=(runs, 1, 20))
    least = np.array([family_p_values(run[:, 0], run[:, 1:]).min() for run in every])
    uncorrected = np.array([min(p_value(row[0], row[1:]) for row in run) for run in every])
    for level in (0.05, 0.1, 0.2):
        noise = 3 * np.sqrt(level * (1 - level) / runs)
        assert np.mean(least <= level) <= level + noise
        assert np.mean(least <= level) >= level - noise
        assert np.mean(uncorrected <= level) > level + noise


def test_what_is_no_null_is_refused() -> None:
    with pytest.raises(InputError, match="at least one value of the null"):
        p_value(0.5, [])
    with pytest.raises(InputError, match=r"Got shapes \(2,\) and \(3, 4\)"):
        family_p_values([0.1, 0.2], np.zeros((3, 4)))
    with pytest.raises(InputError, match=r"Got shapes \(2,\) and \(2, 0\)"):
        family_p_values([0.1, 0.2], np.zeros((2, 0)))
