"""Every measure of every layer with its context, as arrays over pairs × layers."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from repsim.report.phrasing import tolerance
from repsim.report.summary import Floats, Summary, nearest, over_pairs
from repsim.results import AREA_UNDER_CURVE, MAXIMUM_MATCH, Tables

__all__ = ["MeasureLayers", "measure_layers"]

# Of all ε the one that stands for the match beside other measures, where a study has it.
USUAL_EPSILON = 0.3

OF_MATCHES = (MAXIMUM_MATCH, AREA_UNDER_CURVE)


@dataclass(frozen=True, kw_only=True)
class MeasureLayers:
    """One measure: arrays (pairs, layers) in the order of the summary, NaN where there is none."""

    name: str
    convention: str
    value: Floats
    null_mean: Floats
    null_low: Floats
    null_high: Floats
    calibrated: Floats
    interval_low: Floats
    interval_high: Floats
    p_value_layers: Floats

    @property
    def above_chance(self) -> Floats:
        """Share of the pairs whose value no exchange of examples reached, for each layer."""
        outside = (self.value > self.null_high) | (self.value < self.null_low)
        known = np.isfinite(self.value) & np.isfinite(self.null_mean)
        closer = outside & (self.calibrated > 0)
        counted = known.sum(axis=0)
        return np.where(counted, closer.sum(axis=0) / np.maximum(counted, 1), np.nan)

    @property
    def mean(self) -> Floats:
        """Mean value over pairs, for each layer."""
        return over_pairs(self.value)[0]


def measure_layers(tables: Tables, summary: Summary) -> tuple[MeasureLayers, ...]:
    """The match at one ε and its area, and then every other measure of the study.

    None at all where the match has nothing to stand beside: no other measure, and no null.
    """
    results = tables.results
    found = []
    if summary.epsilons:
        epsilon = summary.epsilons[nearest(summary.epsilons, USUAL_EPSILON)]
        rows = results.filter((pl.col("measure") == MAXIMUM_MATCH) & (pl.col("epsilon") == epsilon))
        found.append(_arrays(f"Match at ε = {tolerance(epsilon)}", MAXIMUM_MATCH, rows, summary))
    plain = results.filter(pl.col("epsilon").is_null())
    for measure in plain["measure"].unique(maintain_order=True):
        name = "Area under the match curve" if measure == AREA_UNDER_CURVE else _short(measure)
        rows = plain.filter(pl.col("measure") == measure)
        found.append(_arrays(name, measure, rows, summary))
    known = tuple(one for one in found if np.isfinite(one.value).any())
    others = any(one.convention not in OF_MATCHES for one in known)
    return known if others or any(np.isfinite(one.null_mean).any() for one in known) else ()


def _short(convention: str) -> str:
    """The name of a measure; what tells it from others of the name stays in its convention."""
    return convention.partition("[")[0].replace("_", " ")


def _arrays(name: str, convention: str, rows: pl.DataFrame, summary: Summary) -> MeasureLayers:
    at_pair = {pair: place for place, pair in enumerate(summary.pairs)}
    at_layer = {layer.name: place for place, layer in enumerate(summary.layers)}
    columns = (
        *("value", "null_mean", "null_low", "null_high", "calibrated"),
        *("interval_low", "interval_high", "p_value_layers"),
    )
    arrays = {
        column: np.full((len(summary.pairs), len(summary.layers)), np.nan) for column in columns
    }
    for row in rows.iter_rows(named=True):
        pair, layer = (row["network_a"], row["network_b"]), row["layer"]
        if pair in at_pair and layer in at_layer:
            for column, array in arrays.items():
                if row[column] is not None:
                    array[at_pair[pair], at_layer[layer]] = row[column]
    return MeasureLayers(name=name, convention=convention, **arrays)
