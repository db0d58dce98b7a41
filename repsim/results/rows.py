"""Rows of the tables, from profiles and measures: each value with its conventions."""

from collections.abc import Iterable
from typing import Any

import polars as pl

from repsim.matching import MatchProfile
from repsim.results.schemas import AREA_UNDER_CURVE, MAXIMUM_MATCH

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


def neuron_rows(profile: MatchProfile) -> pl.DataFrame:
    """Critical ε of every neuron: side, neuron, critical."""
    sides = [("x", profile.critical_x), ("y", profile.critical_y)]
    return pl.concat(
        pl.DataFrame({"neuron": range(len(critical)), "critical": critical}).select(
            pl.lit(side).alias("side"), pl.col("neuron").cast(pl.Int64), "critical"
        )
        for side, critical in sides
    )
