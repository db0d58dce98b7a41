"""Intervals of the match by inversion: a value inside, dead neurons outside, and coverage."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.errors import InputError
from repsim.estimates import estimate
from repsim.matching import match_profile
from repsim.moments import UnitOrder, Units
from repsim.uncertainty import RankedCriticals


def criticals(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    profile = match_profile(x, y)
    return np.concatenate((profile.critical_x, profile.critical_y))


def by_groups(
    x: np.ndarray, y: np.ndarray, groups: Sequence[np.ndarray] | None = None
) -> RankedCriticals:
    """A jackknife over 16 groups, whose intervals are for every ε at once."""
    groups = groups or np.array_split(np.arange(len(x)), 16)
    without = [criticals(np.delete(x, some, axis=0), np.delete(y, some, axis=0)) for some in groups]
    return RankedCriticals.of(criticals(x, y), without=np.stack(without))


@given(seed=st.integers(0, 999), dead=st.integers(0, 3), epsilon=st.floats(0, 0.99))
@settings(deadline=None)
def test_a_value_is_inside_its_interval(seed, dead, epsilon) -> None:
    rng = np.random.default_rng(seed)
    critical = np.concatenate((rng.random(7), np.full(dead, np.nan)))
    without = critical + 0.05 * rng.normal(size=(8, len(critical)))
    ranked = RankedCriticals.of(critical, without=without)
    interval = ranked.interval(epsilon)
    low, high = interval.low, interval.high
    value = np.mean(critical <= epsilon)
    assert 0 <= low <= value == interval.corrected <= high <= 7 / (7 + dead)
    lower, upper = ranked.of_neurons(critical)
    assert np.isnan(lower[7:]).all()
    assert ((lower <= critical) & (critical <= upper))[:7].all()
    assert np.mean(upper <= epsilon) == low
    assert np.mean(lower <= epsilon) == high


def test_a_cliff_in_every_replicate_has_the_width_of_its_place() -> None:
    """All neurons enter together, a little earlier or later: a jackknife of the share has no
    spread at one ε and all of it at the next."""
    places = 0.5 + 0.01 * np.linspace(-1, 1, 10)
    ranked = RankedCriticals.of(np.full(6, 0.5), without=np.repeat(places[:, None], 6, axis=1))
    error = np.sqrt(9 * places.var())
    np.testing.assert_allclose(ranked.error, error)
    for epsilon, expected in ((0.5, (0.0, 1.0)), (0.4, (0.0, 0.0)), (0.6, (1.0, 1.0))):
        interval = ranked.interval(epsilon)
        assert (interval.low, interval.high) == expected


@pytest.mark.full
def test_the_bootstrap_has_the_same_spread_as_the_jackknife() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1600, 4))
    y = 0.9 * x + 0.5 * rng.normal(size=(1600, 4))
    groups = np.array_split(np.arange(1600), 16)
    draws = rng.integers(16, size=(200, 16))
    rows = [np.concatenate([groups[g] for g in draw]) for draw in draws]
    drawn = np.stack([criticals(x[some], y[some]) for some in rows])
    by_jackknife = by_groups(x, y)
    by_bootstrap = RankedCriticals.of(criticals(x, y), drawn=drawn, groups=16)
    np.testing.assert_allclose(by_bootstrap.error, by_jackknife.error, rtol=0.3)


def test_replicates_are_needed() -> None:
    with pytest.raises(InputError, match="at least two replicates"):
        RankedCriticals.of(np.array([0.1]), without=np.array([[0.1]]))


@pytest.mark.full
def test_intervals_of_a_match_hold_its_similarity() -> None:
    """Where the similarity is steep in ε; the plain jackknife held 0.63 to 0.81 of them."""
    p, d, runs = 6, 640, 60
    mix = np.random.default_rng(1).normal(size=(p, p))
    noise = np.linspace(0.2, 1.0, p)

    def pair(samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        x = np.maximum(rng.normal(size=(samples, p)), 0)
        return x, np.maximum(x @ mix + noise * rng.normal(size=(samples, p)), 0)

    population = match_profile(*pair(100_000, 0))
    epsilons = np.quantile(np.r_[population.critical_x, population.critical_y], [0.2, 0.5, 0.8])
    held = []
    for seed in range(runs):
        x, y = pair(d, 100 + seed)
        ranked = by_groups(x, y)
        for epsilon in epsilons:
            interval = ranked.interval(epsilon)
            held.append(interval.low <= population.similarity(epsilon) <= interval.high)
    # The inversion is conservative by design: nominal 0.90.
    assert np.mean(held) > 0.86


def test_an_estimate_of_a_match_has_the_interval_of_its_critical_epsilons() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(160, 3))
    y = x + 0.5 * rng.normal(size=(160, 3))
    found = estimate("maximum_match", x, y, epsilon=0.4, permutations=0, seed=3)
    order = UnitOrder.drawn(Units.of_length(160, 1), groups=16, seed=3)
    expected = by_groups(x, y, order.group_rows).interval(0.4)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (expected.low, expected.high), abs=1e-9
    )
    assert expected.low < expected.high
