"""A measure of a pair of layers in its replicates: other examples, and permuted ones."""

import math
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import numpy as np

from repsim.errors import InputError
from repsim.estimates.example_resamples import ExampleResamples
from repsim.estimates.factor_resamples import FactorResamples
from repsim.measures import Measure, checked_value
from repsim.measures.maximum_match import Options as MaximumMatch
from repsim.moments import Resamples
from repsim.uncertainty import LEAST_FOR_QUARTERS, RankedCriticals, part_of

__all__ = ["AnyResamples", "Method", "replicates_of", "usual_groups"]

Method = Literal["jackknife", "bootstrap"]
AnyResamples: TypeAlias = Resamples | ExampleResamples | FactorResamples

# Enough for a quantile of 5 % that is not the outermost value; twice as many change little.
BOOTSTRAP_SAMPLES = 200

# As in studies: the spread of fewer says next to nothing.
GROUPS, LEAST_GROUPS = 16, 5


def usual_groups(units: int) -> int:
    """How many groups of examples an interval is made of; 0 where they are too few for one."""
    return min(GROUPS, units) if units >= LEAST_GROUPS else 0


def replicates_of(
    measure: Measure,
    resamples: AnyResamples,
    value: float,
    *,
    permutations: int,
    groups: int,
    within: bool = False,
    method: Method = "jackknife",
    seed: int = 0,
) -> dict[str, Any]:
    """The arguments of `Replicates`.

    Parameters
    ----------
    measure, resamples
        What is computed, and of what.
    value
        The measure of all examples; NaN where it is not defined.
    permutations
        For each null.
    groups
        Of the examples, for the interval; below 2 there is none.
    within
        Whether examples are also permuted within their classes.
    method, seed
        As `repsim.estimate` has them.
    """
    numbers = range(permutations)
    return {
        "value": value,
        "null": _values(measure, map(resamples.null, numbers)),
        "within": _values(measure, map(resamples.null_within, numbers)) if within else (),
        **_of_interval(measure, resamples, groups, method=method, seed=seed),
        "groups": groups,
        "best": measure.properties.best,
        "bounds": (measure.properties.least, measure.properties.most),
        "larger_is_more_similar": measure.properties.larger_is_more_similar,
    }


def _of_interval(
    measure: Measure, resamples: AnyResamples, groups: int, *, method: Method, seed: int
) -> dict[str, Any]:
    """The replicates that the interval is computed from."""
    if groups < 2:
        return {}
    if method == "bootstrap":
        generator = np.random.default_rng([seed, 1])
        draws = generator.integers(groups, size=(BOOTSTRAP_SAMPLES, groups)).tolist()
        kind, statistics = "drawn", map(resamples.drawn, draws)
    else:
        kind, statistics = "without", map(resamples.without, range(groups))
    if isinstance(measure, MaximumMatch):
        criticals = np.stack([measure.criticals(statistic) for statistic in statistics])
        whole = measure.criticals(resamples.total)
        ranks = RankedCriticals.of(whole, **{kind: criticals}, groups=groups)
        return {"ranks": ranks, "epsilon": measure.epsilon}
    found = {kind: _values(measure, statistics)}
    if kind == "without" and measure.halves:
        for name, parts in (("halves", 2), ("quarters", 4)):
            if parts == 2 or groups >= LEAST_FOR_QUARTERS:
                alone = [part_of(groups, part, parts) for part in range(parts)]
                found[name] = _values(measure, map(resamples.drawn, alone))
    return found


def _values(measure: Measure, statistics: Iterable[object]) -> list[float]:
    """The measure of each; NaN where it is not defined."""
    found = []
    for statistic in statistics:
        try:
            found.append(checked_value(measure, statistic))
        except InputError:
            # Fewer examples can be fewer samples than neurons.
            found.append(math.nan)
    return found
