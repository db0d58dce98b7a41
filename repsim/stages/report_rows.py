"""Rows of the tables of a study, from its published results."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from repsim.results import neuron_rows
from repsim.stages.comparison import ComparisonSpec
from repsim.stages.networks import NetworkSpec
from repsim.stages.plan import StudyPlan
from repsim.stages.profiles import stored_profile
from repsim.stages.simple import stored_simple, stored_structure
from repsim.store import Store
from repsim.uncertainty import RankedCriticals

__all__ = [
    "critical_rows",
    "layer_rows",
    "named_scores",
    "network_row",
    "place_of",
    "simple_rows",
    "structure_rows",
]


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


def network_row(
    spec: NetworkSpec, record: Mapping[str, Any] | None, error: str | None
) -> dict[str, Any]:
    """What became of a network or snapshot.

    Parameters
    ----------
    spec
        The network.
    record
        How it was trained, by its record; None where it does not exist.
    error
        Why it is missing, or is not all that it should be.
    """
    row: dict[str, Any] = {
        "network": spec.label,
        "variant": spec.network.variant,
        "seed": "" if spec.network.seed is None else spec.network.seed.label,
        "weights": spec.network.weights,
        "snapshot": spec.snapshot or None,
        "step": spec.step,
    }
    if record is None:
        return {**row, "status": "failed" if error else "missing", "error": error}
    epochs = {epoch["epoch"]: epoch for epoch in record["history"]}
    last, kept = _last_epochs(spec, record)
    measured = {n: epochs[last][n] for n in ("train_score", "train_loss") if last in epochs}
    if kept in epochs:
        measured["test_score"] = epochs[kept]["test_score"]
    elif spec.given is not None:
        measured["test_score"] = record.get("test_score")
    return {
        **row,
        "status": "failed" if error else "done",
        "error": error,
        "epochs": last if spec.given is None else None,
        **named_scores(measured, record),
        "parameters": record["parameters"],
        "device": record["device"],
        "precision": record["precision"],
    }


def _last_epochs(spec: NetworkSpec, record: Mapping[str, Any]) -> tuple[int, int]:
    """The last whole epoch that the weights were trained for, and the one they are the result of.

    The latter is 0 for weights from the middle of an epoch: their score was not measured.
    """
    if not spec.snapshot:
        return max((epoch["epoch"] for epoch in record["history"]), default=0), record["kept_epoch"]
    if spec.step is None:
        best, score = 0, None
        for epoch in record["history"]:
            if spec.objective is not None and spec.objective.improves(epoch["test_score"], score):
                best, score = epoch["epoch"], epoch["test_score"]
        return best, best
    epoch, within = divmod(spec.step, spec.course.batches)
    return epoch, 0 if within else epoch


def named_scores(row: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """The row with its scores under their names in the tables, such as ``test_accuracy``."""
    named = {key.replace("_score", f"_{record['score']}"): value for key, value in row.items()}
    # Beside a perplexity stand its bits per token.
    bits = {
        key.replace("_perplexity", "_bits"): None if value is None else math.log2(value)
        for key, value in named.items()
        if key.endswith("_perplexity")
    }
    return named | bits
