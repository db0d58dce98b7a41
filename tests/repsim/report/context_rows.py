"""What stands beside the values of a made-up study: corrected values, intervals and nulls."""

from typing import Any

import polars as pl

from repsim.results import Tables

PERMUTATIONS = 19


def replaced(tables: Tables, **frames: pl.DataFrame) -> Tables:
    """The tables with other frames, checked."""
    names = ("networks", "training", "layers", "results", "neurons")
    return Tables.from_rows(**{name: frames.get(name, getattr(tables, name)) for name in names})


def with_columns(tables: Tables, **columns: Any) -> Tables:
    """The tables with these columns of the results: expressions or numbers."""
    made = {k: v if isinstance(v, pl.Expr) else pl.lit(v) for k, v in columns.items()}
    return replaced(tables, results=tables.results.with_columns(**made))


def with_intervals(tables: Tables, *, bias: float = 0.0, reach: float = 0.05) -> Tables:
    """Corrected values, less by the bias, in the middle of their intervals."""
    corrected = pl.col("value") - bias
    return with_columns(
        tables,
        corrected=corrected,
        interval_low=corrected - reach,
        interval_high=corrected + reach,
    )


def with_nulls(
    tables: Tables, *, plain: float = 0.0, within: float | None = None, p_layers: float = 0.05
) -> Tables:
    """Nulls that reach from 0 to these levels; a value above is at the floor of p."""
    columns: dict[str, Any] = {"permutations": PERMUTATIONS, "calibrated": pl.col("value")}
    for prefix, suffix, level in (("null", "", plain), ("within", "_within", within)):
        if level is None:
            continue
        beyond = pl.col("value") > level
        columns |= {
            f"{prefix}_mean": level / 2,
            f"{prefix}_low": 0.0,
            f"{prefix}_high": level,
            f"p_value{suffix}": pl.when(beyond).then(1 / (1 + PERMUTATIONS)).otherwise(1.0),
            f"p_value{suffix}_layers": pl.when(beyond).then(p_layers).otherwise(1.0),
        }
    return with_columns(tables, **columns)


def with_critical_intervals(tables: Tables, *, reach: float = 0.05) -> Tables:
    """Intervals of the critical epsilon of every neuron that has one."""
    critical = pl.col("critical")
    return replaced(
        tables,
        neurons=tables.neurons.with_columns(
            critical_low=critical - reach, critical_high=critical + reach
        ),
    )
