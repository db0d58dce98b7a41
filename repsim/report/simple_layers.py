"""The simple matches of each layer at each ε, gathered over the pairs."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from repsim.results import Tables

Ints = npt.NDArray[np.int64]

# "Almost no small simple matches" (Wang et al. 2018, A-4): how small is small is our reading.
SMALL = 5

_PLACE = ("depth", "layer", "epsilon")
_PAIR = ("network_a", "network_b")


@dataclass(frozen=True, kw_only=True)
class SimpleLayer:
    """What was found in one layer at one ε; arrays over pairs are in the order of the study.

    A neuron's size is that of its minimal match: one simple match is as a rule minimal for several
    neurons, so there are at least as many neuron sizes as simple matches.
    """

    layer: str
    epsilon: float
    neuron_sizes: Ints  # Of each matched neuron of each pair, ascending.
    match_sizes: Ints  # Of each simple match of each pair, ascending.
    neurons: Ints  # (pairs,), of both sides, matched or not.
    matched: Ints  # (pairs,), neurons of both sides in the maximum match.
    found: Ints  # (pairs,), simple matches.
    unique: int  # Matched neurons, over all pairs, that have a minimum match.
    uncertified: int  # Simple matches, over all pairs, whose certificate failed.
    complete: tuple[bool, ...]  # Of each pair that has simple matches and was judged.

    @property
    def small(self) -> int:
        """Simple matches of at most `SMALL` neurons."""
        return int((self.match_sizes <= SMALL).sum())

    @property
    def unique_share(self) -> float:
        """Share of the matched neurons with a minimum match; NaN where none is matched."""
        return self.unique / self.neuron_sizes.size if self.neuron_sizes.size else float("nan")


def simple_layers(tables: Tables) -> tuple[SimpleLayer, ...]:
    """All layers and ε at which simple matches were looked for, by depth and ε."""
    matches = tables.simple_matches.with_columns(
        (pl.col("minimal_for_x").list.len() + pl.col("minimal_for_y").list.len()).alias("minimal"),
        (pl.col("minimum_for_x").list.len() + pl.col("minimum_for_y").list.len()).alias("minimum"),
    ).with_columns(pl.col("minimal", "minimum").cast(pl.Int64))
    found = matches.group_by(*_PLACE, *_PAIR, maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("found"), pl.col("minimal").sum()
    )
    widths = tables.results.select(
        "layer", *_PAIR, (pl.col("neurons_x") + pl.col("neurons_y")).alias("neurons")
    ).unique(["layer", *_PAIR], keep="first", maintain_order=True)
    # A pair without a match has a row of the structure only.
    pairs = (
        tables.structure.select(*_PLACE, *_PAIR, "matched", "simple", "complete")
        .join(found, on=[*_PLACE, *_PAIR], how="full", coalesce=True, maintain_order="left_right")
        .join(widths, on=["layer", *_PAIR], how="left", maintain_order="left")
    )
    groups = dict(matches.group_by(*_PLACE, maintain_order=True))
    return tuple(
        _layer(str(key[1]), float(key[2]), groups.get(key, matches.clear()), rows)
        for key, rows in pairs.sort(*_PLACE, maintain_order=True).group_by(
            *_PLACE, maintain_order=True
        )
    )


def _layer(layer: str, epsilon: float, matches: pl.DataFrame, pairs: pl.DataFrame) -> SimpleLayer:
    sizes = matches["size"].to_numpy()
    return SimpleLayer(
        layer=layer,
        epsilon=epsilon,
        neuron_sizes=np.sort(np.repeat(sizes, matches["minimal"].to_numpy())),
        match_sizes=np.sort(sizes),
        # Of a pair that the results lack, the neurons that are known of.
        neurons=pairs.select(pl.coalesce("neurons", "matched", "minimal")).to_series().to_numpy(),
        matched=pairs.select(pl.coalesce("matched", "minimal")).to_series().to_numpy(),
        found=pairs.select(pl.coalesce("found", "simple")).to_series().to_numpy(),
        unique=int(matches["minimum"].sum()),
        uncertified=int((~matches["certified"]).sum()),
        complete=tuple(pairs.filter(pl.col("found") > 0)["complete"].drop_nulls()),
    )
