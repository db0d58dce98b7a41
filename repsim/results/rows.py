"""Rows of the tables, from profiles and measures: each value with its conventions."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl

from repsim.matching import MatchProfile
from repsim.results.schemas import AREA_UNDER_CURVE, MAXIMUM_MATCH
from repsim.uncertainty import RankedCriticals

__all__ = ["area_row", "layer_rows", "match_row", "measure_row", "neuron_rows"]


def match_row(profile: MatchProfile, epsilon: float) -> dict[str, Any]:
    """The maximum match at one ε."""
    match, ties = profile.maximum_match(epsilon), profile.ties(epsilon)
    return {
        "measure": MAXIMUM_MATCH,
        "epsilon": epsilon,
        "value": float(profile.similarity(epsilon)),
        "matched_x": len(match.x),
        "matched_y": len(match.y),
        "ties": len(ties),
        "centred": profile.centred,
    }


def area_row(profile: MatchProfile) -> dict[str, Any]:
    """The match curve in one number, with no ε to choose."""
    return {
        "measure": AREA_UNDER_CURVE,
        "epsilon": None,
        "value": profile.area(),
        "centred": profile.centred,
    }


def measure_row(convention: str, value: float | None, *, centred: bool) -> dict[str, Any]:
    """Another measure, under the id of its convention."""
    return {"measure": convention, "epsilon": None, "value": value, "centred": centred}


def layer_rows(profile: MatchProfile, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """`rows` of one layer of one pair, with what they all have in common."""
    shared = {
        "neurons_x": profile.p,
        "neurons_y": profile.q,
        "dead_x": len(profile.dead_x),
        "dead_y": len(profile.dead_y),
        "samples": profile.count,
        "condition": profile.condition,
        "method": profile.method,
    }
    return [
        {**row, **shared, "caution": row.get("caution") or profile.caution or None} for row in rows
    ]


def neuron_rows(
    profile: MatchProfile, ranks: RankedCriticals | None = None, *, level: float = 0.9
) -> pl.DataFrame:
    """Critical ε of every neuron with the interval of its rank: side, neuron, critical, ends."""
    critical = np.concatenate((profile.critical_x, profile.critical_y))
    low = high = np.full_like(critical, np.nan)
    if ranks is not None:
        low, high = ranks.of_neurons(critical, level)
    return pl.DataFrame(
        {
            "side": ["x"] * profile.p + ["y"] * profile.q,
            "neuron": [*range(profile.p), *range(profile.q)],
            "critical": critical,
            "critical_low": low,
            "critical_high": high,
        }
    )
