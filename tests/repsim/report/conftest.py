"""Made-up studies for the report: plausible, consistent, of any size."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest

from repsim.report import StudyFacts
from repsim.results import AREA_UNDER_CURVE, MAXIMUM_MATCH, Tables

Invent = Callable[..., tuple[Tables, StudyFacts]]


def invent_study(
    *,
    networks: int = 3,
    layers: int | Sequence[str] = 6,
    epsilons: Sequence[float] = (0.15, 0.2, 0.25, 0.3, 0.5),
    neurons: int = 64,
    samples: int = 10_000,
    dead: int = 0,
    epochs: int = 12,
    levels: Sequence[float] | None = None,
    name: str = "made-up",
    failed: Sequence[str] = (),
    missing: Sequence[str] = (),
    accuracies: Sequence[float] | None = None,
) -> tuple[Tables, StudyFacts]:
    """A study whose similarity is high at both ends of the networks and low between.

    `levels` fixes the critical epsilon of every live neuron of a layer instead.
    """
    rng = np.random.default_rng(7)
    names = [f"relu{i + 1}" for i in range(layers)] if isinstance(layers, int) else list(layers)
    labels = [f"seed-{seed}" for seed in range(networks)]
    reached = accuracies or [0.972 + 0.004 * seed % 0.012 for seed in range(networks)]
    network_rows: list[dict[str, Any]] = []
    training: list[dict[str, Any]] = []
    for seed, label in enumerate(labels):
        network_rows.append({"network": label, "variant": "", "seed": str(seed), "status": "done"})
        if label in failed:
            network_rows[-1] |= {"status": "failed", "error": "the loss was not finite"}
            continue
        network_rows[-1] |= {
            "epochs": epochs,
            "train_accuracy": min(1.0, reached[seed] + 0.02),
            "test_accuracy": reached[seed],
            "train_loss": 0.011,
            "parameters": 1_234_567,
            "device": "cpu",
            "precision": "float32",
        }
        for epoch in range(1, epochs + 1):
            share = 1 - np.exp(-4 * epoch / epochs) * (1 + 0.1 * rng.random())
            training.append(
                {
                    "network": label,
                    "epoch": epoch,
                    "learning_rate": 0.05,
                    "train_loss": 2.3 * float(np.exp(-5.5 * epoch / epochs)) + 0.01 * rng.random(),
                    "train_accuracy": min(1.0, 0.1 + (reached[seed] - 0.08) * share),
                    "test_accuracy": 0.1 + (reached[seed] - 0.1) * share,
                }
            )
    results: list[dict[str, Any]] = []
    critical_rows: list[pl.DataFrame] = []
    usable = [label for label in labels if label not in failed]
    for a, b in itertools.combinations(usable, 2):
        for depth, layer in enumerate(names):
            place = depth / max(len(names) - 1, 1)
            if levels is None:
                centre = 0.16 + 0.5 * np.sin(np.pi * place**0.8) ** 1.2 + rng.normal(0, 0.012)
                critical = np.clip(rng.normal(centre, 0.05, size=2 * neurons), 0.01, 0.999)
                together = rng.random(2 * neurons) < 0.15 + 0.5 * np.sin(np.pi * place)
                critical[together] = centre
            else:
                critical = np.full(2 * neurons, levels[depth])
            critical[:dead] = np.nan
            critical[neurons : neurons + dead] = np.nan
            row = {
                "study": name,
                "network_a": a,
                "network_b": b,
                "layer": layer,
                "depth": depth,
                "neurons_x": neurons,
                "neurons_y": neurons,
                "dead_x": dead,
                "dead_y": dead,
                "samples": samples,
                "examples": samples,
                "centred": False,
                "condition": 1e4,
                "method": "moments",
            }
            for epsilon in epsilons:
                x = int((critical[:neurons] <= epsilon).sum())
                y = int((critical[neurons:] <= epsilon).sum())
                results.append(
                    row
                    | {
                        "measure": MAXIMUM_MATCH,
                        "epsilon": epsilon,
                        "value": (x + y) / (2 * neurons),
                        "matched_x": x,
                        "matched_y": y,
                        "ties": 0,
                    }
                )
            area = float(np.nansum(1 - critical) / critical.size)
            results.append(row | {"measure": AREA_UNDER_CURVE, "value": area})
            critical_rows.append(
                pl.DataFrame(
                    {
                        "network_a": [a] * critical.size,
                        "network_b": [b] * critical.size,
                        "layer": [layer] * critical.size,
                        "depth": [depth] * critical.size,
                        "side": ["x"] * neurons + ["y"] * neurons,
                        "neuron": [*range(neurons), *range(neurons)],
                        "critical": critical,
                    }
                )
            )
    tables = Tables.from_rows(
        networks=network_rows,
        training=training,
        layers=[
            {
                "variant": "",
                "layer": layer,
                "depth": depth,
                "type": "ReLU",
                "neurons": neurons,
                "positions": 16,
                "total_positions": 64,
            }
            for depth, layer in enumerate(names)
        ],
        results=results,
        neurons=pl.concat(critical_rows) if critical_rows else [],
    )
    facts = StudyFacts(
        name=name,
        description="Three small networks on handwritten digits.",
        study_toml='name = "made-up"\n\n[matching]\nepsilons = [0.15, 0.2, 0.25, 0.3, 0.5]\n',
        epsilons=tuple(epsilons),
        centred=False,
        conventions=(("Positions", "16 positions of each example, drawn with seed 0."),),
        versions={"repsim": "0.1.0", "torch": "2.15.0"},
        digests={"study": "sha256:0f3c"},
        missing=tuple(missing),
    )
    return tables, facts


@pytest.fixture(scope="session")
def invent() -> Invent:
    return invent_study
