"""The columns of the tables that compare layers with all others, within and between networks."""

import polars as pl

from repsim.results.schemas import Column, Schema

__all__ = ["ACROSS", "IDENTIFICATION", "PRINCIPAL"]

_FEATURES = Column(
    dtype=pl.String,
    meaning="what stands for a feature map: its average over positions, or all of it",
    key=True,
    choices=("averaged", "flattened"),
)
_DEPTH = "place in the order of execution, from 0"

ACROSS: Schema = {
    "network_a": Column(dtype=pl.String, meaning="network of layer_a", key=True),
    "layer_a": Column(dtype=pl.String, meaning="dotted module name", key=True),
    "depth_a": Column(dtype=pl.Int64, meaning=_DEPTH),
    "network_b": Column(
        dtype=pl.String, meaning="network of layer_b; network_a: within it", key=True
    ),
    "layer_b": Column(dtype=pl.String, meaning="dotted module name", key=True),
    "depth_b": Column(dtype=pl.Int64, meaning=_DEPTH),
    "measure": Column(dtype=pl.String, meaning="what value is", key=True),
    "features": _FEATURES,
    "value": Column(dtype=pl.Float64, meaning="the measure; null if undefined", nullable=True),
}

PRINCIPAL: Schema = {
    "network": Column(dtype=pl.String, meaning="name of the network", key=True),
    "layer": Column(dtype=pl.String, meaning="dotted module name", key=True),
    "depth": Column(dtype=pl.Int64, meaning=_DEPTH),
    "features": _FEATURES,
    "first_share": Column(
        dtype=pl.Float64,
        meaning="share of the variance over examples in the first principal component; null of a "
        "constant layer",
        nullable=True,
    ),
    "examples": Column(dtype=pl.Int64, meaning="examples that it is computed from"),
}

IDENTIFICATION: Schema = {
    "measure": Column(
        dtype=pl.String, meaning="by which the most similar layer is found", key=True
    ),
    "features": _FEATURES,
    "correct": Column(
        dtype=pl.Int64, meaning="layers whose most similar layer in the other network corresponds"
    ),
    "total": Column(dtype=pl.Int64, meaning="layers with a value for the corresponding one"),
    "undefined": Column(dtype=pl.Int64, meaning="layers without one, not in total"),
    "accuracy": Column(dtype=pl.Float64, meaning="correct / total", nullable=True),
    "chance": Column(dtype=pl.Float64, meaning="accuracy of guessing", nullable=True),
    "interval_low": Column(
        dtype=pl.Float64,
        meaning="binomial 90 % interval of the accuracy, as if layers were independent",
        nullable=True,
    ),
    "interval_high": Column(dtype=pl.Float64, meaning="upper end of that interval", nullable=True),
}
