"""The table of a comparison: its columns, and the context of each value."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

__all__ = ["CONTEXT", "LEVEL", "table_of"]

# Coverage of the intervals.
LEVEL = 0.9

# Columns of the results of studies, which have the same meaning here.
CONTEXT = (
    "corrected",
    "interval_low",
    "interval_high",
    "standard_error",
    "bias",
    "permutations",
    "null_mean",
    "null_low",
    "null_high",
    "p_value",
    "p_value_layers",
    "calibrated",
)
PAIR = ("model_a", "layer_a", "model_b", "layer_b", "measure", "epsilon", "value")
SIZES = ("samples", "examples", "neurons_a", "neurons_b", "dead_a", "dead_b", "centred", "caution")

# Of a pair that has no replicates, beside others that have.
WITHOUT: dict[str, Any] = {
    **dict.fromkeys(("null", "within", "without", "halves", "quarters", "drawn"), ()),
    "groups": 0,
    "best": 1.0,
    "bounds": (None, None),
    "larger_is_more_similar": True,
}


def table_of(rows: Sequence[Mapping[str, Any]]) -> "pl.DataFrame":
    """The rows with nulls and intervals in columns, in the order of the rows.

    Parameters
    ----------
    rows
        Of all pairs of layers; with replicates as `in_context` takes them, where there are any.
    """
    import polars as pl

    from repsim.results import RESULTS, in_context

    with_context = any("null" in row for row in rows)
    if with_context:
        placed = [
            {**WITHOUT, **row, "place": place, "network_a": row["model_a"]}
            | {"network_b": row["model_b"]}
            for place, row in enumerate(rows)
        ]
        rows = sorted(in_context(placed, level=LEVEL), key=lambda row: int(row["place"]))
    names = (*PAIR, *(CONTEXT if with_context else ()), *SIZES)
    types: dict[str, Any] = {"model_a": pl.String, "layer_a": pl.String, "model_b": pl.String}
    types |= {"layer_b": pl.String, "measure": pl.String}
    types |= {name: RESULTS[name].dtype for name in names if name in RESULTS and name not in types}
    types |= dict.fromkeys(("neurons_a", "neurons_b", "dead_a", "dead_b"), pl.Int64)
    kept = [{name: row.get(name) for name in names} for row in rows]
    return pl.DataFrame(kept, schema={name: types[name] for name in names}, nan_to_null=True)
