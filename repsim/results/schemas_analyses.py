"""The columns of the table of analyses: quantities of one network over its training."""

import polars as pl

from repsim.results.schemas import Column, Schema

__all__ = ["ANALYSES"]

ANALYSES: Schema = {
    "analysis": Column(dtype=pl.String, meaning="name of the analysis", key=True),
    "network": Column(dtype=pl.String, meaning="network or snapshot", key=True),
    "step": Column(
        dtype=pl.Int64,
        meaning="steps it was trained for; null of given weights and of the best state",
        nullable=True,
    ),
    "quantity": Column(
        dtype=pl.String,
        meaning="what value is: `energy of targets`; the documentation of the analysis says more",
        key=True,
    ),
    "coordinate": Column(
        dtype=pl.Float64,
        meaning="what it is a function of beside the step, as a number of eigenvectors; else 0",
        key=True,
    ),
    "value": Column(dtype=pl.Float64, meaning="the number; null if undefined", nullable=True),
}
