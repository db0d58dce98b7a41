"""Tables of studies that nobody ran, to judge claims by."""

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

from repsim.claims import Evidence, judged
from repsim.results import MAXIMUM_MATCH, Tables

Networks = Mapping[str, Iterable[int]]
"""Seeds by variant."""

LAYERS = ("conv1", "conv2", "conv3", "fc")


def rows_of(networks: Networks, measure: str, value: Any, **more: Any) -> list[dict[str, Any]]:
    """A row for each pair and layer: its value follows from both variants and the depth."""
    ends = [(variant, f"{variant} seed {s}") for variant, seeds in networks.items() for s in seeds]
    return [
        {
            "study": "s",
            "network_a": a,
            "network_b": b,
            "layer": layer,
            "depth": depth,
            "measure": measure,
            "value": value(variant_a, variant_b, depth),
            **dict.fromkeys(("neurons_x", "neurons_y"), 10),
            **dict.fromkeys(("dead_x", "dead_y"), 0),
            **dict.fromkeys(("samples", "examples"), 100),
            "centred": False,
            "method": "moments",
            **more,
        }
        for (variant_a, a), (variant_b, b) in combinations(ends, 2)
        for depth, layer in enumerate(LAYERS)
    ]


def evidence(
    networks: Networks,
    rows: Iterable[Mapping[str, Any]],
    settings: Mapping[str, Mapping[str, Any]],
    *,
    test_accuracy: Mapping[str, float] | None = None,
    train_accuracy: float = 1.0,
    output: str = "Linear",
    **more: Any,
) -> Evidence:
    accuracy = test_accuracy or dict.fromkeys(networks, 0.9)
    tables = Tables.from_rows(
        networks=[
            {
                "network": f"{variant} seed {seed}",
                "variant": variant,
                "seed": str(seed),
                "status": "done",
                "train_accuracy": train_accuracy,
                "test_accuracy": accuracy[variant],
            }
            for variant, seeds in networks.items()
            for seed in seeds
        ],
        layers=[
            {
                "variant": variant,
                "layer": layer,
                "depth": depth,
                "type": output if layer == "fc" else "ReLU",
                "neurons": 10,
                "positions": 1 if layer == "fc" else 16,
                "total_positions": 1 if layer == "fc" else 16,
            }
            for variant in networks
            for depth, layer in enumerate(LAYERS)
        ],
        results=list(rows),
        **more,
    )
    return Evidence(tables=tables, settings=settings)


def verdicts(paper: str, given: Evidence) -> dict[str, tuple[bool | None, str]]:
    """By number of the claim: whether it holds, and what was measured."""
    return {
        verdict.claim.split()[1]: (verdict.holds, verdict.measured)
        for verdict in judged([paper], given)
    }


def match_rows(networks: Networks, values: Mapping[float, Any]) -> list[dict[str, Any]]:
    return [
        row
        for epsilon, value in values.items()
        for row in rows_of(networks, MAXIMUM_MATCH, value, epsilon=epsilon)
    ]
