"""Made-up simple matches for a made-up study."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from repsim.results import Tables

WORDS = "At ε = {:g} the conditions for unique simple matches do not hold: one lies at 1.05 ε."


def simple_row(*, size: int, rank: int = 1, **changes: Any) -> dict[str, Any]:
    """A simple match of `size` neurons that is minimal, but not minimum, for its first of X."""
    return {
        "network_a": "seed-0",
        "network_b": "seed-1",
        "layer": "relu1",
        "depth": 0,
        "epsilon": 0.3,
        "rank": rank,
        "size": size,
        "members_x": list(range(rank, rank + size - size // 2)),
        "members_y": list(range(rank, rank + size // 2)),
        "minimal_for_x": [rank],
        "minimal_for_y": [],
        "minimum_for_x": [],
        "minimum_for_y": [],
        "slack": 0.01,
        "certified": True,
        **changes,
    }


def structure_row(**changes: Any) -> dict[str, Any]:
    row = {
        "network_a": "seed-0",
        "network_b": "seed-1",
        "layer": "relu1",
        "depth": 0,
        "epsilon": 0.3,
        "matched": 0,
        "simple": 0,
        "unique_share": None,
        "complete": False,
        "theta_least": 0.1,
        "theta_most": 5.4,
        "gap_needed": 22.3,
        "gap_most": 1.05,
        "excluded": True,
        **changes,
    }
    return {"words": WORDS.format(row["epsilon"]), **row}


def with_simple(
    tables: Tables,
    *,
    epsilons: Sequence[float] = (0.3,),
    sizes: Mapping[str, Sequence[int]] | None = None,
) -> Tables:
    """The tables with simple matches of these sizes in each pair, or with plausible ones."""
    rng = np.random.default_rng(11)
    matches: list[dict[str, Any]] = []
    structure: list[dict[str, Any]] = []
    comparisons = tables.results.select(
        "network_a", "network_b", "layer", "depth", "neurons_x"
    ).unique(maintain_order=True)
    for *place, neurons in comparisons.iter_rows():
        where = dict(zip(("network_a", "network_b", "layer", "depth"), place, strict=True))
        for epsilon in epsilons:
            rows = (
                _plausible(tables, where, epsilon, neurons, rng)
                if sizes is None
                else [
                    simple_row(size=size, rank=rank + 1)
                    for rank, size in enumerate(sorted(sizes.get(where["layer"], ())))
                ]
            )
            matches += [{**row, **where, "epsilon": epsilon} for row in rows]
            matched = sum(len(row["minimal_for_x"]) + len(row["minimal_for_y"]) for row in rows)
            structure.append(
                structure_row(**where, epsilon=epsilon, matched=matched, simple=len(rows))
            )
    return Tables.from_rows(
        networks=tables.networks,
        training=tables.training,
        layers=tables.layers,
        results=tables.results,
        neurons=tables.neurons,
        simple_matches=matches,
        structure=structure,
    )


def _plausible(
    tables: Tables, where: Mapping[str, Any], epsilon: float, neurons: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    here = [pl.col(name) == where[name] for name in ("network_a", "network_b", "layer")]
    matched = tables.neurons.filter(*here, pl.col("critical") <= epsilon)
    sides = [matched.filter(pl.col("side") == side)["neuron"].to_list() for side in "xy"]
    if not sides[0] or not sides[1]:
        return []
    rows, rest, centre = [], list(sides[1]), 12 * (1 + where["depth"]) ** 0.5
    for x in sides[0]:
        size = int(np.clip(centre * np.exp(1.1 * rng.normal()), 2, matched.height))
        counts = [min(max(1, size // 2), len(sides[0])), min(max(1, size // 2), len(sides[1]))]
        members = [
            sorted(rng.choice(side, size=amount, replace=False).tolist())
            for side, amount in zip(sides, counts, strict=True)
        ]
        minimal = [y for y in members[1] if y in rest][: int(rng.integers(0, 4))]
        rest = [y for y in rest if y not in minimal]
        unique = rng.random() < 0.15
        rows.append(
            simple_row(
                size=sum(counts),
                members_x=sorted([x, *[m for m in members[0] if m != x][: counts[0] - 1]]),
                members_y=members[1],
                minimal_for_x=[x],
                minimal_for_y=minimal,
                minimum_for_x=[x] if unique else [],
                minimum_for_y=minimal[:1] if unique else [],
            )
        )
    rows.sort(key=lambda row: row["size"])
    return [{**row, "rank": rank + 1} for rank, row in enumerate(rows)]
