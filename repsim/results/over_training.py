"""Similarity against training step, and when each layer settles."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from repsim.results.groups import OVER_TRAINING

__all__ = ["between_networks", "settling_step", "with_final"]


def with_final(results: pl.DataFrame) -> pl.DataFrame:
    """How similar each snapshot is to the network that it became.

    Parameters
    ----------
    results
        Rows of one measure, at one ε if it has any.

    Returns
    -------
    polars.DataFrame
        ``variant, layer, depth, step, value, deviation, pairs``: mean and standard deviation over
        the networks of a variant, by variant, depth and step.
    """
    pairs = results.filter(
        pl.col("group") == OVER_TRAINING,
        pl.col("step_a").is_not_null(),
        pl.col("value").is_not_null(),
    )
    return _over_pairs(pairs.rename({"variant_a": "variant"}), "variant")


def between_networks(results: pl.DataFrame) -> pl.DataFrame:
    """How similar two networks are at each snapshot that both have, and when they are trained.

    Parameters
    ----------
    results
        Rows of one measure, at one ε if it has any.

    Returns
    -------
    polars.DataFrame
        ``group, layer, depth, step, value, deviation, pairs``: mean and standard deviation over
        the pairs of a group, by depth and step. Empty where no snapshots of two networks were
        compared.
    """
    pairs = results.filter(
        pl.col("group") != OVER_TRAINING,
        pl.col("step_a") == pl.col("step_b"),
        pl.col("value").is_not_null(),
    )
    if pairs["snapshot_a"].is_null().all():
        pairs = pairs.clear()
    return _over_pairs(pairs, "group")


def settling_step(steps: Sequence[float], values: Sequence[float], end: float) -> float:
    """The step from which on a layer has come at least half of its way to what it is at the end.

    Parameters
    ----------
    steps, values
        Rising steps of the snapshots, and the similarity of each to the trained network.
    end
        The step at which it is trained: there the similarity is 1.

    Returns
    -------
    float
        Where the line between two snapshots crosses the half way for the last time; the first step
        for a layer that has not changed.

    Examples
    --------
    >>> settling_step([0, 100, 200], [0.2, 0.4, 0.8], 400)
    150.0
    """
    x = np.array([*steps, end], dtype=np.float64)
    y = np.array([*values, 1.0], dtype=np.float64)
    half = (y[0] + 1) / 2
    below = np.flatnonzero(y < half)
    if not below.size:
        return float(x[0])
    last = int(below[-1])
    return float(np.interp(half, y[last : last + 2], x[last : last + 2]))


def _over_pairs(pairs: pl.DataFrame, by: str) -> pl.DataFrame:
    """Mean and standard deviation of each layer at each step over the pairs of one kind."""
    return (
        pairs.rename({"step_a": "step"})
        .group_by(by, "layer", "depth", "step", maintain_order=True)
        .agg(
            pl.col("value").mean(),
            pl.col("value").std().alias("deviation"),
            pl.len().alias("pairs"),
        )
        .sort(by, "depth", "layer", "step")
    )
