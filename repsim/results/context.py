"""Each value with its context: nulls, p-values, chance-corrected value, interval."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from repsim.uncertainty import Replicates, family_p_values

__all__ = ["in_context"]

# What a row holds of its replicates, and of its measure; it becomes the columns of RESULTS.
REPLICATES = ("null", "within", "without", "halves", "quarters", "drawn")
RAW = (*REPLICATES, "groups", "best", "bounds", "larger_is_more_similar", "ranks")

# The columns of each null.
NULLS: dict[Literal["null", "within"], tuple[str, str, str]] = {
    "null": ("null", "p_value", "p_value_layers"),
    "within": ("within", "p_value_within", "p_value_within_layers"),
}

Row = Mapping[str, Any]


def in_context(rows: Iterable[Row], *, level: float) -> list[dict[str, Any]]:
    """Rows of RESULTS from rows with the values of their replicates.

    Parameters
    ----------
    rows
        With lists of the values of replicates, as in `Replicates`, None where undefined; ``groups``
        of examples; ``best``, ``bounds`` and ``larger_is_more_similar`` of the measure; and for a
        match at an ε ``ranks``, its `RankedCriticals`, if there are any. Permutation i is the same
        at every layer of a pair.
    level
        Coverage of the intervals.
    """
    families: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        of = (row["network_a"], row["network_b"], row["measure"], row["epsilon"])
        families.setdefault(of, []).append(row)
    found = []
    for family in families.values():
        columns = [_columns(row, level) for row in family]
        for null, (_, _, name) in NULLS.items():
            for column, p in zip(columns, _over_layers(family, null), strict=True):
                column[name] = p
        for row, column in zip(family, columns, strict=True):
            found.append({k: v for k, v in row.items() if k not in RAW} | column)
    return found


def _columns(row: Row, level: float) -> dict[str, Any]:
    replicates = Replicates(
        value=_number(row["value"]),
        **{name: [_number(value) for value in row[name]] for name in REPLICATES},
        ranks=row.get("ranks"),
        epsilon=row["epsilon"] or 0.0,
        groups=row["groups"],
        best=row["best"],
        bounds=_bounds(row["bounds"]),
        larger_is_more_similar=row["larger_is_more_similar"],
    )
    columns: dict[str, Any] = {
        "permutations": len(row["null"]) or None,
        "calibrated": replicates.calibrated(),
    }
    for null, (prefix, p_value, _) in NULLS.items():
        chance = replicates.chance(within=null == "within")
        if chance is not None:
            columns |= {
                f"{prefix}_mean": chance.mean,
                f"{prefix}_low": chance.low,
                f"{prefix}_high": chance.high,
                p_value: replicates.p_value(within=null == "within"),
            }
    interval = replicates.interval(level)
    if interval is None:
        return columns
    return {
        **columns,
        "corrected": interval.corrected,
        "interval_low": interval.low,
        "interval_high": interval.high,
        "standard_error": interval.standard_error,
        "bias": interval.bias,
    }


def _over_layers(family: Sequence[Row], null: Literal["null", "within"]) -> list[float | None]:
    """p-values that hold for all layers at once; None where a layer has no value or null."""
    nulls = [
        None if row["value"] is None or not row[null] or None in row[null] else row[null]
        for row in family
    ]
    known = [(row, values) for row, values in zip(family, nulls, strict=True) if values is not None]
    if not known or len({len(values) for _, values in known}) != 1:
        return [None] * len(family)
    found = iter(
        family_p_values(
            [row["value"] for row, _ in known],
            np.array([values for _, values in known]),
            larger_is_more_similar=family[0]["larger_is_more_similar"],
        ).tolist()
    )
    return [next(found) if values is not None else None for values in nulls]


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _bounds(bounds: Sequence[float | None]) -> tuple[float, float]:
    """Bounds of a measure as they are stored: None where there is none."""
    least, most = bounds
    return -math.inf if least is None else least, math.inf if most is None else most
