"""Nulls and intervals of a pair of layers whose activations are at hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from repsim.activation_files import ActivationArray
from repsim.errors import InputError
from repsim.estimates.dependence import dependence_caution
from repsim.estimates.factor_resamples import FactorResamples
from repsim.estimates.replicates import replicates_of, usual_groups
from repsim.matching import MatchProfile, match_profile
from repsim.measures import MomentsMeasure
from repsim.memory import physical_memory
from repsim.moments import Factor, Moments, Resamples, UnitOrder, Units
from repsim.uncertainty import LEAST_FOR_QUARTERS, RankedCriticals, part_of

__all__ = ["Context", "Replicated", "in_replicates"]


@dataclass(frozen=True, kw_only=True)
class Context:
    """What is wanted beside each value.

    Parameters
    ----------
    permutations
        Of the examples, for the null; 0 for none.
    intervals
        Whether there are intervals.
    """

    permutations: int = 0
    intervals: bool = False

    def __bool__(self) -> bool:
        return bool(self.permutations) or self.intervals


@dataclass(frozen=True, kw_only=True)
class Replicated:
    """The moments of a pair, of other examples, and of permuted ones, as `repsim.estimate` has."""

    x: np.ndarray
    y: np.ndarray
    order: UnitOrder
    permutations: int
    groups: int
    caution: str

    @cached_property
    def moments(self) -> Resamples:
        """As moments."""
        return Resamples.from_arrays(self.x, self.y, self.order, permutations=self.permutations)

    def of_measure(self, measure: MomentsMeasure, value: float | None) -> dict[str, Any]:
        """What `repsim.results.in_context` takes of a measure."""
        known = replicates_of(
            measure,
            self.moments,
            float("nan") if value is None else value,
            permutations=self.permutations,
            groups=self.groups,
        )
        del known["value"]
        for name in ("null", "without", "halves", "quarters"):
            known[name] = [v if np.isfinite(v) else None for v in known.get(name, ())]
        return {**known, "within": [], "drawn": []}

    def of_match(
        self, profile: MatchProfile, epsilons: Sequence[float]
    ) -> tuple[list[dict[str, Any]], RankedCriticals | None]:
        """The same of the match at each ε, and of its area; the critical ε with their errors."""
        source: Resamples | FactorResamples = self.moments
        if profile.method == "factor":
            of_moments = match_profile(self.moments.total, centred=profile.centred)
            if not profile.agrees_with(of_moments):
                source = FactorResamples(self.x, self.y, self.order)

        def criticals(statistics: Sequence[Moments | Factor]) -> np.ndarray:
            found = [match_profile(one, centred=profile.centred) for one in statistics]
            rows = [np.concatenate((one.critical_x, one.critical_y)) for one in found]
            return np.array(rows).reshape(len(rows), profile.p + profile.q)

        parts = {
            "null": criticals([source.null(i) for i in range(self.permutations)]),
            "without": criticals([source.without(i) for i in range(self.groups)]),
        }
        for name, count in (("halves", 2), ("quarters", 4)):
            if self.groups and (count == 2 or self.groups >= LEAST_FOR_QUARTERS):
                alone = [part_of(self.groups, part, count) for part in range(count)]
                parts[name] = criticals([source.drawn(groups) for groups in alone])
            else:
                parts[name] = criticals([])
        whole = np.concatenate((profile.critical_x, profile.critical_y))
        ranks = (
            RankedCriticals.of(whole, without=parts["without"], groups=self.groups)
            if self.groups
            else None
        )
        shared = {"within": [], "drawn": [], "groups": self.groups, "best": 1.0}
        shared |= {"bounds": (0.0, 1.0), "larger_is_more_similar": True}
        # A dead neuron has no critical ε: it is in no match, and in the denominator.
        rows = [
            {name: np.mean(of <= epsilon, axis=1).tolist() for name, of in parts.items()}
            | {**shared, "ranks": ranks}
            for epsilon in epsilons
        ]
        areas = {
            name: (np.nansum(1.0 - of, axis=1) / len(whole)).tolist() for name, of in parts.items()
        }
        return [*rows, {**areas, **shared, "ranks": None}], ranks


def in_replicates(x: ActivationArray, y: ActivationArray, context: Context) -> Replicated:
    """Read both layers, and put their examples in a random order.

    Raises
    ------
    InputError
        When they do not fit in memory.
    """
    needed = sum(8 * layer.samples * layer.neurons for layer in (x, y))
    if needed > physical_memory() / 2:
        raise InputError(
            f"Expected layers that fit in memory, for nulls and intervals. Got {x.name} and "
            f'{y.name}, which take {needed / 2**30:.1f} GiB. Average their positions (pool="mean").'
        )
    units = Units.of_length(x.examples, 1).of_positions(x.positions)
    if x.lengths is not None and x.pool is None:
        units = Units.of_ids(np.repeat(np.arange(x.examples), x.lengths))
    groups = usual_groups(units.count) if context.intervals else 0
    values = [layer.block(0, layer.examples) for layer in (x, y)]
    means = [
        one if x.positions == 1 or x.lengths is not None else _means(one, x.positions)
        for one in values
    ]
    return Replicated(
        x=values[0],
        y=values[1],
        order=UnitOrder.drawn(units, groups=max(1, groups), seed=0),
        permutations=context.permutations,
        groups=groups,
        caution=dependence_caution(means[0], means[1], None) if x.lengths is None else "",
    )


def _means(rows: np.ndarray, positions: int) -> np.ndarray:
    means: np.ndarray = rows.reshape(-1, positions, rows.shape[1]).mean(axis=1, dtype=np.float64)
    return means
