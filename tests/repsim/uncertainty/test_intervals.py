"""Jackknife and bootstrap intervals against their formulas, written out."""

import math

import numpy as np
import pytest
from scipy import stats

from repsim.errors import InputError
from repsim.uncertainty import bootstrap_interval, jackknife_interval


def groups_of_samples(count: int = 8, size: int = 25) -> np.ndarray:
    return np.random.default_rng(0).exponential(size=(count, size))


def literal_jackknife(value, without, level):
    groups, total = len(without), 0.0
    mean = sum(without) / groups
    for replicate in without:
        total += (replicate - mean) ** 2
    error = math.sqrt((groups - 1) / groups * total)
    return error, stats.t.ppf(0.5 + level / 2, groups - 1) * error, (groups - 1) * (mean - value)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_jackknife_is_its_formula(level: float) -> None:
    groups = groups_of_samples()
    value = groups.var()
    without = [np.delete(groups, g, axis=0).var() for g in range(len(groups))]
    error, reach, bias = literal_jackknife(value, without, level)
    interval = jackknife_interval(value, without, level=level)
    assert interval.standard_error == pytest.approx(error)
    assert (interval.low, interval.high) == pytest.approx((value - reach, value + reach))
    assert (interval.bias, interval.level) == (pytest.approx(bias), level)


def test_standard_error_of_a_mean_is_that_of_means_of_groups() -> None:
    groups = groups_of_samples()
    without = [np.delete(groups, g, axis=0).mean() for g in range(len(groups))]
    interval = jackknife_interval(groups.mean(), without)
    means = groups.mean(axis=1)
    assert interval.standard_error == pytest.approx(means.std(ddof=1) / np.sqrt(len(means)))
    assert interval.bias == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("count", [2, 7, 8])
def test_halves_take_off_a_bias_that_falls_with_the_number_of_samples(count: int) -> None:
    def value(groups: int) -> float:
        return 0.3 + 0.2 / groups

    without = [value(count - 1)] * count
    halves = value(count // 2), value(count - count // 2)
    interval = jackknife_interval(value(count), without, halves=halves)
    assert interval.low == pytest.approx(0.3)
    assert interval.high == pytest.approx(0.3)
    assert interval.bias == pytest.approx(0.2 / count)
    # So does the jackknife, for measures that do not jump; but only to report it.
    interval = jackknife_interval(value(count), without)
    assert interval.bias == pytest.approx(0.2 / count)
    assert interval.low == interval.high == value(count)


def test_halves_move_the_interval_and_do_not_widen_it() -> None:
    without = [0.5, 0.52, 0.49, 0.51, 0.5]
    about_value = jackknife_interval(0.5, without)
    shifted = jackknife_interval(0.5, without, halves=(0.6, 0.5))
    assert shifted.bias == pytest.approx(0.04)
    assert shifted.low == pytest.approx(about_value.low - 0.04)
    assert shifted.high == pytest.approx(about_value.high - 0.04)


def test_bootstrap_reflects_the_quantiles_at_the_value() -> None:
    samples = np.random.default_rng(0).exponential(size=400)
    for_many = bootstrap_interval(1.5, samples, level=0.8)
    low, high = np.quantile(samples, [0.1, 0.9])
    assert (for_many.low, for_many.high) == pytest.approx((3 - high, 3 - low))
    assert for_many.bias == pytest.approx(samples.mean() - 1.5)
    assert for_many.standard_error == pytest.approx(samples.std(ddof=1))


def test_bootstrap_of_few_groups_reaches_as_far_as_t_does() -> None:
    # Means of normal draws from G groups: their spread is that of the groups with G, not G - 1,
    # and the expanded normal quantile makes up for it and for the tails of t.
    groups, level = 5, 0.9
    spread = stats.norm.ppf(np.linspace(0, 1, 100_001)[1:-1]) * np.sqrt((groups - 1) / groups)
    interval = bootstrap_interval(0.0, spread, groups=groups, level=level)
    t = stats.t.ppf(0.95, groups - 1)
    assert interval.high == pytest.approx(t, rel=1e-3)
    assert interval.low == pytest.approx(-t, rel=1e-3)
    assert interval.standard_error == pytest.approx(1.0, rel=1e-3)
    assert bootstrap_interval(0.0, spread, groups=10**6).high < interval.high


def test_intervals_are_not_clipped() -> None:
    assert jackknife_interval(1.0, [0.9, 1.0, 1.0]).high > 1
    assert bootstrap_interval(1.0, [0.9, 0.95, 1.0]).high > 1


@pytest.mark.parametrize("interval", [jackknife_interval, bootstrap_interval])
def test_what_gives_no_interval_is_refused(interval) -> None:
    with pytest.raises(InputError, match="at least two replicates"):
        interval(0.5, [0.5])
    with pytest.raises(InputError, match=r"level between 0 and 1\. Got 90"):
        interval(0.5, [0.5, 0.6], level=90)
    with pytest.raises(InputError, match=r"two groups of examples\. Got 1"):
        bootstrap_interval(0.5, [0.5, 0.6], groups=1)


def test_quarters_show_how_fast_the_bias_falls():
    without = [0.5 + 0.001 * (-1) ** g for g in range(16)]
    for power in (1.0, 0.5):
        value, half, quarter = (0.2 + 0.3 * parts**power for parts in (1, 2, 4))
        interval = jackknife_interval(value, without, halves=(half, half), quarters=[quarter] * 4)
        assert interval.corrected == pytest.approx(0.2), power
    # Halves alone take it for one that falls with the number of examples.
    alone = jackknife_interval(value, without, halves=(half, half))
    assert alone.corrected == pytest.approx(value - (half - value))
    # A rise that is noise is not blown up.
    noise = jackknife_interval(0.5, without, halves=(0.5001, 0.5001), quarters=[0.5001] * 4)
    assert noise.corrected == pytest.approx(0.4999)
