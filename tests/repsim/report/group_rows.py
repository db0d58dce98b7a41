"""Made-up studies with variants: results of every two networks, by a model that is known."""

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl

from repsim.report import StudyFacts
from repsim.results import AREA_UNDER_CURVE, MAXIMUM_MATCH, Tables

CKA = "cka[linear,centred,debiased]"

# Similarity of a pair, from the places of its variants, the depth (0 to 1) and some noise.
Model = Callable[[int, int, float], float]


def apart(a: int, b: int, depth: float) -> float:
    """Within a variant more similar than between, and within the first variants most."""
    return 0.8 - 0.3 * depth - 0.04 * (a % 3) if a == b else 0.45 - 0.25 * depth


def invent_groups(
    *,
    variants: Sequence[str] = ("true labels", "random labels"),
    seeds: int = 5,
    layers: int | Sequence[str] = 6,
    model: Model = apart,
    noise: float = 0.04,
    sweep: Mapping[str, Mapping[str, float]] | None = None,
    accuracies: Sequence[float] | None = None,
    lost: Callable[[str, str], bool] = lambda a, b: False,
    seed: int = 0,
) -> tuple[Tables, StudyFacts]:
    """A study in which network i of the variants differs from the others by its own share."""
    rng = np.random.default_rng(seed)
    names = [f"relu{i + 1}" for i in range(layers)] if isinstance(layers, int) else list(layers)
    networks = [(f"{v} {s}", place, s) for place, v in enumerate(variants) for s in range(seeds)]
    own = rng.normal(0, noise / 2, size=len(networks))
    reached = accuracies or [0.95] * len(variants)
    rows: dict[str, list[object]] = {
        name: [] for name in ("network_a", "network_b", "layer", "depth", "measure", "epsilon")
    }
    values = []
    for (i, (a, va, _)), (j, (b, vb, _)) in itertools.combinations(enumerate(networks), 2):
        if lost(a, b):
            continue
        for depth, layer in enumerate(names):
            level = model(va, vb, depth / max(1, len(names) - 1)) + own[i] + own[j]
            for measure, epsilon, shift in (
                (MAXIMUM_MATCH, 0.3, -0.2),
                (MAXIMUM_MATCH, 0.5, -0.05),
                (AREA_UNDER_CURVE, None, -0.1),
                (CKA, None, 0.1),
            ):
                for name, value in zip(rows, (a, b, layer, depth, measure, epsilon), strict=True):
                    rows[name].append(value)
                values.append(np.clip(level + shift + rng.normal(0, noise / 2), 0, 1))
    size = {"neurons_x": 64, "neurons_y": 64, "dead_x": 0, "dead_y": 0, "samples": 10_000}
    results = pl.DataFrame(
        {**rows, "value": values}, schema_overrides={"epsilon": pl.Float64}
    ).with_columns(
        pl.lit("made-up").alias("study"),
        *(pl.lit(number).alias(name) for name, number in size.items()),
        pl.lit(10_000).alias("examples"),
        pl.lit(value=True).alias("centred"),
        pl.lit("moments").alias("method"),
    )
    layer = {"type": "ReLU", "neurons": 64, "positions": 1, "total_positions": 1}
    tables = Tables.from_rows(
        networks=[
            {
                "network": label,
                "variant": variants[place],
                "seed": str(s),
                "status": "done",
                "epochs": 3,
                "test_accuracy": min(1.0, reached[place] + 0.002 * s),
                "train_accuracy": 1.0,
                "train_loss": 0.01,
            }
            for label, place, s in networks
        ],
        layers=[
            {"variant": variant, "layer": name, "depth": depth, **layer}
            for variant in variants
            for depth, name in enumerate(names)
        ],
        results=results,
    )
    facts = StudyFacts(
        name="made-up",
        study_toml='name = "made-up"\n',
        epsilons=(0.3, 0.5),
        centred=True,
        variants=tuple(variants),
        sweep=sweep or {},
    )
    return tables, facts


def invent_sweep(variants: int = 8, seeds: int = 3, **more) -> tuple[Tables, StudyFacts]:
    """A sweep over a rate that is doubled each time; similarity falls with it."""
    rates = [round(0.001 * 2**place, 6) for place in range(variants)]
    names = [f"learning_rate={rate:g}" for rate in rates]

    def falling(a: int, b: int, depth: float) -> float:
        share = (a + b) / (2 * variants)
        return 0.85 - 0.3 * depth - 0.25 * share - 0.06 * abs(a - b) ** 0.5

    return invent_groups(
        variants=names,
        seeds=seeds,
        model=falling,
        sweep={name: {"training.learning_rate": r} for name, r in zip(names, rates, strict=True)},
        accuracies=[0.99 - 0.4 * (place / variants) ** 2 for place in range(variants)],
        **more,
    )
