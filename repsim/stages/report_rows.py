"""Rows of the tables of a study, from its published results."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from repsim.results import neuron_rows
from repsim.stages.comparison import ComparisonSpec
from repsim.stages.plan import StudyPlan
from repsim.stages.profiles import stored_profile
from repsim.stages.simple import stored_simple, stored_structure
from repsim.store import Store
from repsim.uncertainty import RankedCriticals

__all__ = ["critical_rows", "layer_rows", "place_of", "simple_rows", "structure_rows"]


def layer_rows(plan: StudyPlan) -> list[dict[str, Any]]:
    """The captured layers of each variant."""
    return [
        {
            "variant": spec.network.variant,
            "layer": layer.layer,
            "depth": layer.depth,
            "type": layer.type,
            "neurons": layer.neurons,
            "positions": layer.positions,
            "total_positions": layer.total_positions,
        }
        for spec in plan.representatives
        for layer in plan.layers[spec.label]
    ]


def place_of(spec: ComparisonSpec) -> dict[str, Any]:
    """The columns that say what was compared."""
    return {
        "network_a": spec.x.network.label,
        "network_b": spec.y.network.label,
        "layer": spec.layer,
        "depth": spec.x.depth,
    }


def critical_rows(
    store: Store, spec: ComparisonSpec, ranks: RankedCriticals | None, level: float
) -> pl.DataFrame:
    """The critical ε of every neuron of a comparison."""
    place = [pl.lit(value).alias(name) for name, value in place_of(spec).items()]
    profile = stored_profile(store, spec)
    return neuron_rows(profile, ranks, level=level).with_columns(place)


def simple_rows(store: Store, spec: ComparisonSpec) -> Iterator[dict[str, Any]]:
    """The simple matches of a comparison."""
    for epsilon in spec.matching.minimal_at:
        found = stored_simple(store, spec.simple_folder(epsilon))
        for number, simple in enumerate(found.matches):
            row = {**place_of(spec), "epsilon": epsilon, "rank": number + 1, "size": simple.size}
            for name, match in (
                ("members", simple.match),
                ("minimal_for", simple.minimal_for),
                ("minimum_for", simple.minimum_for),
            ):
                row |= {f"{name}_x": match.x.tolist(), f"{name}_y": match.y.tolist()}
            yield {**row, "slack": simple.slack, "certified": simple.certified}


def structure_rows(store: Store, spec: ComparisonSpec) -> Iterator[dict[str, Any]]:
    """Numbers on the simple matches of a comparison as a whole, for each ε."""
    for epsilon in spec.matching.minimal_at:
        folder = spec.simple_folder(epsilon)
        found = stored_simple(store, folder)
        yield {
            **place_of(spec),
            "epsilon": epsilon,
            "matched": found.whole.size,
            "simple": len(found),
            "unique_share": found.unique_share,
            "complete": found.complete,
            **stored_structure(store, folder),
        }
