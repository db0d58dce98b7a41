"""Each value with its context: null, p-values, chance-corrected value, interval."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from repsim.uncertainty import (
    bootstrap_interval,
    chance_corrected,
    family_p_values,
    jackknife_interval,
    null_band,
    p_value,
)

__all__ = ["in_context"]

# What a row holds of its replicates, and of its measure; it becomes the columns of RESULTS.
RAW = ("null", "replicates", "groups", "best", "larger_is_more_similar", "interval")

Row = Mapping[str, Any]


def in_context(
    rows: Iterable[Row], *, interval: Literal["jackknife", "bootstrap"], level: float
) -> list[dict[str, Any]]:
    """Rows of RESULTS from rows with the values of their replicates.

    Parameters
    ----------
    rows
        With ``null`` and ``replicates``, lists of values, None where undefined; ``groups`` of
        examples; ``best`` and ``larger_is_more_similar`` of the measure, and ``interval`` where its
        replicates are not those of the study. Exchange i of the null is the same at every layer of
        a pair.
    interval
        What the replicates are.
    level
        Coverage of the intervals.
    """
    families: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        of = (row["network_a"], row["network_b"], row["measure"], row["epsilon"])
        families.setdefault(of, []).append(row)
    found = []
    for family in families.values():
        together = _over_layers(family)
        for row, p_layers in zip(family, together, strict=True):
            kept = {name: value for name, value in row.items() if name not in RAW}
            kept |= {**_of_null(row), "p_value_layers": p_layers}
            found.append(kept | _of_examples(row, row.get("interval") or interval, level))
    return found


def _of_null(row: Row) -> dict[str, float | None]:
    value, null = row["value"], _known(row["null"])
    if value is None or null is None:
        return {}
    band = null_band(null)
    larger = row["larger_is_more_similar"]
    corrected = chance_corrected(value, null, best=row["best"])
    return {
        "null_mean": band.mean,
        "null_low": band.low,
        "null_high": band.high,
        "p_value": p_value(value, null, larger_is_more_similar=larger),
        "calibrated": corrected if math.isfinite(corrected) else None,
    }


def _over_layers(family: Sequence[Row]) -> list[float | None]:
    """p-values that hold for all layers at once; None where a layer has no value or null."""
    nulls = [_known(row["null"]) if row["value"] is not None else None for row in family]
    known = [(row, null) for row, null in zip(family, nulls, strict=True) if null is not None]
    if not known or len({len(null) for _, null in known}) != 1:
        return [None] * len(family)
    found = iter(
        family_p_values(
            [row["value"] for row, _ in known],
            np.array([null for _, null in known]),
            larger_is_more_similar=family[0]["larger_is_more_similar"],
        ).tolist()
    )
    return [next(found) if null is not None else None for null in nulls]


def _of_examples(row: Row, method: str, level: float) -> dict[str, float | None]:
    value, replicates = row["value"], _known(row["replicates"])
    if value is None or replicates is None:
        return {}
    if method == "jackknife":
        interval = jackknife_interval(value, replicates, level=level)
    else:
        interval = bootstrap_interval(value, replicates, groups=row["groups"], level=level)
    return {
        "interval_low": interval.low,
        "interval_high": interval.high,
        "standard_error": interval.standard_error,
        "bias": interval.bias,
    }


def _known(values: Sequence[float | None]) -> list[float] | None:
    """The values, if there are any and each is one."""
    known = [value for value in values if value is not None]
    return known if known and len(known) == len(values) else None
