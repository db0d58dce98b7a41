"""Results of a study as labelled arrays: all of them, and distances between networks."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from repsim.errors import InputError
from repsim.labelled import labelled_array

if TYPE_CHECKING:
    import xarray

__all__ = ["distance_array", "results_array"]


def results_array(rows: pl.DataFrame, order: Iterable[str], value: str) -> "xarray.DataArray":
    """A column of the results; `order` is that of the networks."""
    networks = _compared(rows, order)
    labels = {
        "network_a": networks,
        "network_b": networks,
        "layer": _by_depth(rows),
        "measure": rows["measure"].unique(maintain_order=True).to_list(),
        "epsilon": rows["epsilon"].unique().sort(nulls_last=True).to_list(),
    }
    return labelled_array(rows, labels, value)


def distance_array(
    rows: pl.DataFrame,
    order: Iterable[str],
    *,
    best: float,
    epsilon: float | None,
    condensed: bool,
) -> "xarray.DataArray":
    """Distances of networks at each layer, square or as pairs; see `StudyResults.distances`.

    Parameters
    ----------
    rows
        Results of one symmetric measure.
    order
        Of the networks.
    best
        The value of a layer with itself.
    epsilon
        Of a measure that has one.
    condensed
        Only the pairs a < b.
    """
    rows = rows.filter(pl.col("snapshot_a").is_null() & pl.col("snapshot_b").is_null())
    rows = rows.filter(pl.col("epsilon").eq_missing(_one_epsilon(rows, epsilon)))
    rows = rows.with_columns((pl.col("value") - best).abs().alias("distance"))
    networks = _compared(rows, order)
    labels = {"layer": _by_depth(rows), "network_a": networks, "network_b": networks}
    array = labelled_array(rows, labels, "distance")
    square = array.values
    square[:] = np.where(np.isnan(square), square.transpose(0, 2, 1), square)
    square[:, range(len(networks)), range(len(networks))] = 0.0
    if not condensed:
        return array
    first, second = np.triu_indices(len(networks), 1)
    pairs = [f"{networks[a]} – {networks[b]}" for a, b in zip(first, second, strict=True)]
    flat = array.isel(network_a=("pair", first), network_b=("pair", second))
    return flat.drop_vars(["network_a", "network_b"]).assign_coords(pair=pairs)


def _compared(rows: pl.DataFrame, order: Iterable[str]) -> list[str]:
    compared = {*rows["network_a"], *rows["network_b"]}
    return [name for name in order if name in compared]


def _by_depth(rows: pl.DataFrame) -> list[str]:
    layers = rows.group_by("layer").agg(pl.col("depth").min()).sort("depth", "layer")
    return layers["layer"].to_list()


def _one_epsilon(rows: pl.DataFrame, wanted: float | None) -> float | None:
    known = rows["epsilon"].unique().sort().to_list()
    if wanted in known:
        return wanted
    if wanted is None and len(known) == 1:
        return float(known[0])
    listed = ", ".join("none" if one is None else f"{one:g}" for one in known)
    raise InputError(f"Expected an ε of this measure: {listed}. Got {wanted}.")
