"""Made-up tables of layers against all others, of any size."""

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np
import polars as pl

from repsim.across import FIRST_COMPONENT_COSINE, LinearCKA
from repsim.examples import Features

Frames = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]

IDENTIFIED = {
    "cka[linear,centred,debiased,averaged]": 0.97,
    "cka[linear,centred,biased,averaged]": 0.95,
    "svcca[variance=0.99,of=singular values,centred]": 0.4,
    "pwcca[weights=x,centred]": 0.35,
    "rsa[euclidean,spearman,averaged]": 0.93,
}


def invent_across(
    *,
    networks: Sequence[str] = ("seed-0", "seed-1", "seed-2"),
    layers: int | Sequence[str] = 6,
    block: tuple[int, int] | None = None,
    features: Sequence[Features] = ("averaged",),
    identified: dict[str, float] | None = None,
) -> Frames:
    """Likeness that fades with distance, and a block of layers that one direction makes alike.

    Between networks it is the same, less by a tenth, and by more inside the block.
    """
    names = [f"relu{i + 1}" for i in range(layers)] if isinstance(layers, int) else list(layers)
    depth = np.arange(len(names))
    apart = np.abs(depth[:, None] - depth[None, :])
    inside = np.zeros(len(names), dtype=bool)
    inside[slice(*(block or (0, 0)))] = True
    both = np.outer(inside, inside)
    alike = np.where(both, 0.98, 0.9**apart * np.where(inside ^ inside[:, None], 0.4, 1))
    rest = np.where(both, 0.3**apart, alike)
    cosines = np.where(both, 0.99, 0.7**apart)
    for table in (alike, cosines):
        np.fill_diagonal(table, 1)
    rows, principal = [], []
    for kind in features:
        removed = LinearCKA(debiased=True, first_component="removed", features=kind)
        tables = {
            LinearCKA(debiased=True, features=kind).convention: alike,
            LinearCKA(features=kind).convention: np.sqrt(alike),
            removed.convention: rest,
            FIRST_COMPONENT_COSINE: cosines,
        }
        for a, b in combinations_with_replacement(networks, 2):
            for measure, values in tables.items():
                table = values if a == b else values * np.where(both, 0.5, 0.9)
                for (i, j), value in np.ndenumerate(table):
                    rows.append((*(a, names[i], i, b, names[j], j), measure, kind, float(value)))
        for place, network in enumerate(networks):
            for i, name in enumerate(names):
                share = 0.9 if inside[i] else 0.2 + 0.02 * place
                principal.append((network, name, i, kind, share, 1024))
    total = len(names) * len(networks) * (len(networks) - 1)
    identification = []
    for measure, accuracy in (IDENTIFIED if identified is None else identified).items():
        correct = round(accuracy * total)
        share = correct / total if total else None
        low, high = (None, None) if share is None else (max(0, share - 0.1), min(1, share + 0.08))
        chance = 1 / len(names) if total else None
        counts = (correct, total, 0)
        identification.append((measure, "averaged", *counts, share, chance, low, high))
    return (
        pl.DataFrame(
            rows,
            schema={
                **{"network_a": pl.String, "layer_a": pl.String, "depth_a": pl.Int64},
                **{"network_b": pl.String, "layer_b": pl.String, "depth_b": pl.Int64},
                **{"measure": pl.String, "features": pl.String, "value": pl.Float64},
            },
            orient="row",
        ),
        pl.DataFrame(
            principal,
            schema={
                **{"network": pl.String, "layer": pl.String, "depth": pl.Int64},
                **{"features": pl.String, "first_share": pl.Float64, "examples": pl.Int64},
            },
            orient="row",
        ),
        pl.DataFrame(
            identification,
            schema={
                **{"measure": pl.String, "features": pl.String},
                **dict.fromkeys(("correct", "total", "undefined"), pl.Int64),
                **dict.fromkeys(
                    ("accuracy", "chance", "interval_low", "interval_high"), pl.Float64
                ),
            },
            orient="row",
        ),
    )
