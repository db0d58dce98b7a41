"""The report of a comparison: that of studies, from its table."""

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import polars as pl

from repsim.comparison.rows import MATCH, Layer
from repsim.comparison.table import CONTEXT
from repsim.drawing import house_style
from repsim.report import StudyFacts, build_report
from repsim.report.drawing import Drawing
from repsim.results import (
    AREA_UNDER_CURVE,
    MAXIMUM_MATCH,
    Tables,
    layer_rows,
    match_row,
    neuron_rows,
)

if TYPE_CHECKING:
    from repsim.comparison.result import Comparison

    Pair = tuple[Layer, Layer]

__all__ = ["report_files"]

# Pairs of models with a map each: more are not looked at one by one.
MOST_MAPS = 10

# X and Y of a study are the first and the second model.
SIDES = (("x", "a"), ("y", "b"))


def report_files(
    found: "Comparison",
    *,
    description: str = "",
    command: str = "repsim.compare",
    notes: Sequence[str] = (),
) -> dict[str, bytes]:
    """The files of the report, by name.

    ``results.parquet`` and ``.csv`` have every pair of layers. Where layers were compared across,
    the figures by depth show the most similar layer of the second model for each of the first, and
    there is a map of layers × layers for each pair of models.

    Parameters
    ----------
    found
        The comparison.
    description
        What was compared, in words; by default the names of the models.
    command
        How it was made.
    notes
        What to know beside the notes of the comparison.
    """
    rows = [row for row in found.rows.iter_rows(named=True) if row["samples"] is not None]
    across = any(row["layer_a"] != row["layer_b"] for row in rows)
    maps: list[Drawing] = []
    shown = rows
    if across:
        best = _best(found)
        shown = [row for row in rows if _pair(row) in best]
        with house_style():
            maps = _maps(found)
    facts = StudyFacts(
        name="compare",
        description=description or ", ".join(found.layers),
        study_toml=f"# {command}\n",
        epsilons=found.rows["epsilon"].drop_nulls().unique().sort().to_list(),
        centred=any(row["centred"] for row in rows if row["measure"].startswith(MATCH)),
        missing=(*notes, *found.notes, *found.failures),
    )
    files = build_report(_tables(found, shown), facts, more=maps)
    if across:
        every = _tables(found, rows).files()
        files |= {name: every[name] for name in ("results.parquet", "results.csv")}
    return files


def _pair(row: dict[str, Any]) -> "Pair":
    return (row["model_a"], row["layer_a"]), (row["model_b"], row["layer_b"])


def _best(found: "Comparison") -> "set[Pair]":
    pairs: set[Pair] = set()
    for a, b in combinations(found.layers, 2):
        best = found.best(models=(a, b)).iter_rows(named=True)
        pairs |= {((a, row["layer_a"]), (b, row["layer_b"])) for row in best}
    return pairs


def _maps(found: "Comparison") -> list[Drawing]:
    maps = []
    measure = found.measures[0]
    for place, (a, b) in enumerate(list(combinations(found.layers, 2))[:MOST_MAPS]):
        best = found.best(measure, (a, b))
        if best.is_empty():
            continue
        most = best.sort("value", descending=True).row(0, named=True)
        figure: Any = found.plot(measure, (a, b))
        maps.append(
            Drawing(
                name=f"layers_{place + 1}",
                title=f"Layers of {a} and {b}",
                finding=f"Most similar are {most['layer_a']} of {a} and {most['layer_b']} of {b} "
                f"({most['value']:.2f}).",
                reading=f"{measure} of each layer of {a} with each of {b}.",
                figure=figure,
            )
        )
    return maps


def _tables(found: "Comparison", rows: Sequence[dict[str, Any]]) -> Tables:
    results: list[dict[str, Any]] = []
    layers: dict[str, dict[str, Any]] = {}
    pairs: dict[Pair, dict[str, Any]] = {}
    for row in rows:
        pair = _pair(row)
        place = _place(found, pair)
        pairs[pair] = place
        results.append({"study": "compare", **place, **_result(found, row)})
        positions = row["samples"] // max(1, row["examples"])
        size = {"positions": positions, "total_positions": positions}
        neurons = max(row["neurons_a"], row["neurons_b"])
        layers.setdefault(
            place["layer"],
            {
                "variant": "",
                "layer": place["layer"],
                "depth": place["depth"],
                "type": "array",
                "neurons": neurons,
                **size,
            },
        )
    neuron_tables = [
        neuron_rows(profile, found.ranks.get(pair)).with_columns(
            pl.lit(value).alias(name)
            for name, value in pairs[pair].items()
            if name not in {"layer_a", "layer_b"}
        )
        for pair, profile in found.profiles.items()
        if pair in pairs
    ]
    return Tables.from_rows(
        networks=[
            {"network": name, "variant": "", "seed": "", "status": "done"} for name in found.layers
        ],
        layers=list(layers.values()),
        results=results,
        neurons=pl.concat(neuron_tables) if neuron_tables else (),
    )


def _place(found: "Comparison", pair: "Pair") -> dict[str, Any]:
    (a, layer_a), (b, layer_b) = pair
    return {
        "network_a": a,
        "network_b": b,
        "layer": layer_a if layer_a == layer_b else f"{layer_a} – {layer_b}",
        "layer_a": layer_a,
        "layer_b": layer_b,
        "depth": found.layers[a].index(layer_a),
    }


def _result(found: "Comparison", row: dict[str, Any]) -> dict[str, Any]:
    """Of a row of the comparison, what the results of studies have beside its place."""
    shared = {name: row[name] for name in CONTEXT if name in row}
    shared |= {name: row[name] for name in ("samples", "examples", "value", "centred", "caution")}
    sizes = {f"{name}_{x}": row[f"{name}_{a}"] for name in ("neurons", "dead") for x, a in SIDES}
    profile = found.profiles.get(_pair(row))
    kind = row["measure"].partition("[")[0]
    if kind not in {MATCH, AREA_UNDER_CURVE} or profile is None:
        measure = {MATCH: MAXIMUM_MATCH}.get(kind, row["measure"])
        plain = {"measure": measure, "epsilon": row["epsilon"], "method": "moments"}
        return {**plain, **sizes, **shared}
    if kind == MATCH:
        known = match_row(profile, row["epsilon"])
    else:
        known = {"measure": AREA_UNDER_CURVE, "epsilon": None}
    (complete,) = layer_rows(profile, [{**known, **shared}])
    return complete
