"""A value and its replicates, and the intervals, nulls and p-values that follow from them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repsim.uncertainty.intervals import Interval, bootstrap_interval, jackknife_interval
from repsim.uncertainty.match_intervals import RankedCriticals
from repsim.uncertainty.significance import Null, chance_corrected, null_band, p_value

__all__ = ["Replicates"]


@dataclass(frozen=True, kw_only=True)
class Replicates:
    """A measure of two layers, and the same measure again with other examples.

    Parameters
    ----------
    value : float
        Of all examples; NaN where it is not defined, here and in all replicates.
    null, within : sequence of float
        With Y's examples permuted; with them permuted within their classes.
    without : sequence of float
        Without each group of examples.
    halves : sequence of float
        Of the first half of the groups alone, and of the other half alone; empty where a value of
        fewer examples is another quantity.
    quarters : sequence of float
        Of each quarter of the groups alone; empty where there are too few.
    drawn : sequence of float
        Of groups drawn with replacement: then the interval is that of the bootstrap.
    groups : int
        Number of groups.
    ranks, epsilon : RankedCriticals, float
        Of a match at one ε, whose interval is made of these.
    best : float
        Value of a layer with itself.
    bounds : tuple of float
        The least and the largest value of the measure. Ends of an interval are clipped to them:
        the similarity lies between them, so that the coverage stays.
    larger_is_more_similar : bool
        False for distances.

    Examples
    --------
    >>> replicates = Replicates(value=0.75, null=[0.5] * 19, without=[0.7, 0.8] * 4)
    >>> replicates.p_value(), replicates.chance(), replicates.calibrated()
    (0.05, Null(mean=0.5, low=0.5, high=0.5), 0.5)
    """

    value: float
    null: Sequence[float] = ()
    within: Sequence[float] = ()
    without: Sequence[float] = ()
    halves: Sequence[float] = ()
    quarters: Sequence[float] = ()
    drawn: Sequence[float] = ()
    groups: int = 0
    ranks: RankedCriticals | None = None
    epsilon: float = 0.0
    best: float = 1.0
    bounds: tuple[float, float] = (-math.inf, math.inf)
    larger_is_more_similar: bool = True

    def interval(self, level: float = 0.9) -> Interval | None:
        """Where the similarity lies that unlimited examples would show.

        None where there are no groups, or a replicate is not defined.
        """
        if not math.isfinite(self.value):
            return None
        if self.ranks is not None:
            return self.ranks.interval(self.epsilon, level)
        if _defined(self.drawn):
            drawn = bootstrap_interval(self.value, self.drawn, groups=self.groups, level=level)
            return drawn.clipped(*self.bounds)
        if not _defined(self.without) or len(self.without) < 2:
            return None
        halves = None
        if len(self.halves) == 2:
            if not _defined(self.halves):
                return None  # Without the bias no interval would be right.
            halves = (self.halves[0], self.halves[1])
        interval = jackknife_interval(
            self.value,
            self.without,
            halves=halves,
            quarters=self.quarters if _defined(self.quarters) else (),
            level=level,
        )
        return interval.clipped(*self.bounds)

    def chance(self, *, within: bool = False) -> Null | None:
        """Mean and range of the values of permuted examples."""
        null = self._null(within)
        return None if null is None else null_band(null)

    def p_value(self, *, within: bool = False) -> float | None:
        """How often permuted examples show as much similarity."""
        null = self._null(within)
        if null is None:
            return None
        return p_value(self.value, null, larger_is_more_similar=self.larger_is_more_similar)

    def calibrated(self) -> float | None:
        """The value on a scale where chance is 0 and identical layers are 1."""
        null = self._null(within=False)
        if null is None:
            return None
        corrected = chance_corrected(self.value, null, best=self.best)
        return corrected if math.isfinite(corrected) else None

    def _null(self, within: bool) -> Sequence[float] | None:
        null = self.within if within else self.null
        return null if _defined(null) and math.isfinite(self.value) else None


def _defined(values: Sequence[float]) -> bool:
    return len(values) > 0 and bool(np.isfinite(np.asarray(values)).all())
