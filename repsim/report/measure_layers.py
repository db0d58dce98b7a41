"""Every measure of every layer with its context, as arrays over pairs × layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from repsim.report.intervals import WithIntervals, with_intervals
from repsim.report.phrasing import tolerance
from repsim.report.summary import Floats, Summary, over_pairs
from repsim.results import AREA_UNDER_CURVE, MAXIMUM_MATCH, Tables

__all__ = [
    "OF_MATCHES",
    "USUAL_EPSILON",
    "Kind",
    "MeasureLayers",
    "Null",
    "leading",
    "measure_layers",
    "short_name",
]

# Of all ε the one that stands for the match beside other measures, where a study has it.
USUAL_EPSILON = 0.3

OF_MATCHES = (MAXIMUM_MATCH, AREA_UNDER_CURVE)

# Of permutations: of the examples within their classes, or of all examples.
Kind = Literal["within", "plain"]

_OF_KIND = {
    "within": (
        *("within_mean", "within_low", "within_high"),
        *("p_value_within", "p_value_within_layers"),
    ),
    "plain": ("null_mean", "null_low", "null_high", "p_value", "p_value_layers"),
}
_OF_VALUE = ("value", "corrected", "interval_low", "interval_high", "calibrated", "permutations")


@dataclass(frozen=True, kw_only=True)
class Null:
    """What a measure gives when one network's examples are permuted; arrays (pairs, layers)."""

    mean: Floats
    low: Floats
    high: Floats
    p_value: Floats
    p_value_layers: Floats  # Of all layers of the pair at once.

    @property
    def known(self) -> bool:
        """Whether there is any."""
        return bool(np.isfinite(self.mean).any())


@dataclass(frozen=True, kw_only=True)
class MeasureLayers:
    """One measure: arrays (pairs, layers) in the order of the summary, NaN where there is none."""

    name: str
    convention: str
    value: Floats
    corrected: Floats
    interval_low: Floats
    interval_high: Floats
    calibrated: Floats  # 0: what permutations of all examples give, 1: identical layers.
    permutations: Floats
    nulls: dict[Kind, Null]

    def beyond(self, kind: Kind) -> Floats:
        """1 where no permutation is as similar as the pair, else 0; NaN where that is not known."""
        null = self.nulls[kind]
        known = np.isfinite(self.value) & np.isfinite(null.mean)
        outside = (self.value > null.high) | (self.value < null.low)
        # Outside on the side of less similarity, every permutation is as similar: p is 1.
        return np.where(known, outside & ~(null.p_value >= 1), np.nan)

    @property
    def with_intervals(self) -> WithIntervals:
        """What may be drawn and printed beside intervals."""
        return with_intervals(self.value, self.corrected, self.interval_low, self.interval_high)

    @property
    def mean(self) -> Floats:
        """Mean value over pairs, for each layer."""
        return over_pairs(self.value)[0]


def leading(measures: Sequence[MeasureLayers]) -> Kind:
    """The null that a report leads with: within classes, where any measure has it."""
    return "within" if any(one.nulls["within"].known for one in measures) else "plain"


def measure_layers(tables: Tables, summary: Summary) -> tuple[MeasureLayers, ...]:
    """The match at one ε and its area, and then every other measure of the study.

    None at all where the match has nothing to stand beside: no other measure, and no null.
    """
    results = tables.results
    found = []
    if np.isfinite(summary.similarity).any():
        epsilon = summary.epsilons[summary.nearest_known(USUAL_EPSILON)]
        rows = results.filter((pl.col("measure") == MAXIMUM_MATCH) & (pl.col("epsilon") == epsilon))
        found.append(_arrays(f"Match at ε = {tolerance(epsilon)}", MAXIMUM_MATCH, rows, summary))
    plain = results.filter(pl.col("epsilon").is_null())
    for measure in plain["measure"].unique(maintain_order=True):
        rows = plain.filter(pl.col("measure") == measure)
        found.append(_arrays(short_name(measure), measure, rows, summary))
    known = tuple(one for one in found if np.isfinite(one.value).any())
    others = any(one.convention not in OF_MATCHES for one in known)
    context = any(null.known for one in known for null in one.nulls.values())
    return known if others or context else ()


def short_name(convention: str) -> str:
    """The name of a measure; what tells it from others of the name stays in its convention."""
    if convention == AREA_UNDER_CURVE:
        return "Area under the match curve"
    return convention.partition("[")[0].replace("_", " ")


def _arrays(name: str, convention: str, rows: pl.DataFrame, summary: Summary) -> MeasureLayers:
    at_pair = {pair: place for place, pair in enumerate(summary.pairs)}
    at_layer = {layer.name: place for place, layer in enumerate(summary.layers)}
    columns = (*_OF_VALUE, *_OF_KIND["within"], *_OF_KIND["plain"])
    arrays = {
        column: np.full((len(summary.pairs), len(summary.layers)), np.nan) for column in columns
    }
    for row in rows.iter_rows(named=True):
        pair, layer = (row["network_a"], row["network_b"]), row["layer"]
        if pair in at_pair and layer in at_layer:
            for column, array in arrays.items():
                if row[column] is not None:
                    array[at_pair[pair], at_layer[layer]] = row[column]
    nulls: dict[Kind, Null] = {}
    for kind in ("within", "plain"):
        mean, low, high, p, p_layers = (arrays[column] for column in _OF_KIND[kind])
        nulls[kind] = Null(mean=mean, low=low, high=high, p_value=p, p_value_layers=p_layers)
    return MeasureLayers(
        name=name,
        convention=convention,
        **{column: arrays[column] for column in _OF_VALUE},
        nulls=nulls,
    )
