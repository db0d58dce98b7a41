"""The section on simple matches, as text for the page: table, listing, and what is certain."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import polars as pl

from repsim.report.phrasing import code, percent, tolerance
from repsim.report.simple_layers import Ints, SimpleLayer
from repsim.report.summary import Summary
from repsim.results import Tables
from repsim.text import count

# Rows of the listing: as many as are read of one layer, and as a page bears in all.
MOST_PER_LAYER, LEAST_PER_LAYER, MOST_ROWS = 10, 3, 600
# Neurons of one side that are written out; larger matches are not looked at by index.
MOST_MEMBERS = 8
# More statements on uniqueness than this are folded away.
MOST_OPEN = 6


@dataclass(frozen=True, kw_only=True)
class SizeRow:
    """A layer at one ε; of several pairs, means with the lowest and highest below."""

    epsilon: str
    matched: tuple[str, str]
    found: tuple[str, str]
    smallest: str
    median: str
    largest: str
    unique: str
    unique_share: float
    certified: str
    one_way: str


@dataclass(frozen=True, kw_only=True)
class SizeRows:
    """The rows of a layer, and the ε at which no pair has a match."""

    layer: str
    without: str
    rows: tuple[SizeRow, ...]


@dataclass(frozen=True, kw_only=True)
class ListedMatch:
    """A simple match, written out."""

    minimal_for: str
    size: str
    members: str
    unique: str
    pair: tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The smallest simple matches of a layer at one ε."""

    layer: str
    epsilon: str
    total: int
    matches: tuple[ListedMatch, ...]


@dataclass(frozen=True, kw_only=True)
class Certainty:
    """Whether the conditions for uniqueness hold for a layer at one ε."""

    layer: str
    words: str
    pairs: str


@dataclass(frozen=True, kw_only=True)
class SimpleSection:
    """Everything the page says on simple matches beside the figure."""

    layers: tuple[SizeRows, ...]
    listings: tuple[Listing, ...]
    certainties: tuple[tuple[str, tuple[Certainty, ...]], ...]
    certainties_open: bool


def simple_section(tables: Tables, summary: Summary) -> SimpleSection | None:
    """The section, or None where nobody asked for simple matches."""
    if not summary.simple:
        return None
    certainties = [
        _certainty(str(key[1]), pairs)
        for key, pairs in tables.structure.filter(pl.col("matched") > 0)
        .sort("depth", "layer", "epsilon", maintain_order=True)
        .group_by("depth", "layer", "epsilon", maintain_order=True)
    ]
    return SimpleSection(
        layers=tuple(
            _size_rows(name, list(found))
            for name, found in groupby(summary.simple, lambda layer: layer.layer)
        ),
        listings=_listings(tables.simple_matches),
        certainties=tuple(
            (name, tuple(found)) for name, found in groupby(certainties, lambda c: c.layer)
        ),
        certainties_open=len(certainties) <= MOST_OPEN,
    )


def neurons(side: str, indices: Sequence[int], *, most: int | None = None) -> str:
    r"""Neurons of one side by index.

    >>> neurons("x", [3, 7]), neurons("y", range(100), most=2)
    ('x3 x7', 'y0 y1 +\xa098\xa0more')
    """
    shown = " ".join(f"{side}{index}" for index in indices[:most])
    rest = len(indices) - len(indices[:most])
    return f"{shown} +\u00a0{rest:,}\u00a0more" if rest else shown


def _size_rows(name: str, found: list[SimpleLayer]) -> SizeRows:
    return SizeRows(
        layer=name,
        without=", ".join(tolerance(layer.epsilon) for layer in found if not layer.matched.any()),
        rows=tuple(_size_row(layer) for layer in found if layer.matched.any()),
    )


def _size_row(layer: SimpleLayer) -> SizeRow:
    sizes, known = layer.neuron_sizes, layer.neuron_sizes.size > 0
    return SizeRow(
        epsilon=tolerance(layer.epsilon),
        matched=_over_pairs(layer.matched),
        found=_over_pairs(layer.found),
        smallest=f"{sizes[0]:,}" if known else "–",
        median=f"{np.median(sizes):,g}" if known else "–",
        largest=f"{sizes[-1]:,}" if known else "–",
        unique=percent(layer.unique_share) if known else "–",
        unique_share=round(layer.unique_share, 3) if known else 0.0,
        certified=_certified(layer),
        one_way=_one_way(layer.complete),
    )


def _over_pairs(counts: Ints) -> tuple[str, str]:
    low, high = int(counts.min()), int(counts.max())
    return f"{counts.mean():,.0f}", f"{low:,}–{high:,}" if low != high else ""


def _certified(layer: SimpleLayer) -> str:
    if not layer.match_sizes.size:
        return "–"
    return f"all but {layer.uncertified:,}" if layer.uncertified else "yes"


def _one_way(complete: tuple[bool, ...]) -> str:
    if not complete:
        return "–"
    if all(complete):
        return "yes"
    return f"{sum(complete)} of {count(len(complete), 'pair')}" if any(complete) else "no"


def _listings(matches: pl.DataFrame) -> tuple[Listing, ...]:
    key = ("depth", "layer", "epsilon")
    # The order of the pairs and ranks decides between matches of one size.
    groups = matches.sort(*key, "size", maintain_order=True).partition_by(
        *key, maintain_order=True, include_key=True
    )
    shown = min(max(MOST_ROWS // max(len(groups), 1), LEAST_PER_LAYER), MOST_PER_LAYER)
    return tuple(
        Listing(
            layer=group["layer"][0],
            epsilon=tolerance(group["epsilon"][0]),
            total=group.height,
            matches=tuple(_listed(row) for row in group.head(shown).iter_rows(named=True)),
        )
        for group in groups
    )


def _listed(row: dict[str, Any]) -> ListedMatch:
    minimal, minimum = (
        " ".join(
            neurons(side, row[f"{kind}_{side}"], most=MOST_MEMBERS)
            for side in "xy"
            if row[f"{kind}_{side}"]
        )
        for kind in ("minimal_for", "minimum_for")
    )
    partly = f"for {minimum}" if minimum else "no"
    unique = "yes" if minimal == minimum else partly
    return ListedMatch(
        minimal_for=minimal,
        size=f"{row['size']:,}",
        members=" | ".join(
            neurons(side, row[f"members_{side}"], most=MOST_MEMBERS) for side in "xy"
        ),
        unique=unique if row["certified"] else f"{unique}, not certified",
        pair=(row["network_a"], row["network_b"]),
    )


def _certainty(layer: str, pairs: pl.DataFrame) -> Certainty:
    """The words on the pair that comes nearest to the conditions, and how many refute them."""
    nearest = pairs.sort(
        "excluded",
        pl.col("gap_most").fill_null(float("inf")) / pl.col("gap_needed").fill_null(float("inf")),
        descending=[False, True],
        nulls_last=True,
        maintain_order=True,
    ).row(0, named=True)
    if pairs.height == 1:
        return Certainty(layer=layer, words=nearest["words"], pairs="")
    refuted = int(pairs["excluded"].sum())
    verdict = "all" if refuted == pairs.height else f"{refuted} of"
    return Certainty(
        layer=layer,
        words=nearest["words"],
        pairs=(
            f"{code(nearest['network_a'])} and {code(nearest['network_b'])}; "
            f"refuted for {verdict} {pairs.height} pairs that match."
        ),
    )
