"""Tables of studies that nobody ran, to judge claims by."""

from collections.abc import Iterable, Mapping, Sequence
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
        row(a, b, layer, depth, measure, value(variant_a, variant_b, depth), **more)
        for (variant_a, a), (variant_b, b) in combinations(ends, 2)
        for depth, layer in enumerate(LAYERS)
    ]


def row(
    a: str, b: str, layer: str, depth: int, measure: str, value: float, **more: Any
) -> dict[str, Any]:
    """A result of two networks."""
    return {
        "study": "s",
        "network_a": a,
        "network_b": b,
        "layer": layer,
        "depth": depth,
        "measure": measure,
        "value": value,
        **dict.fromkeys(("neurons_x", "neurons_y"), 10),
        **dict.fromkeys(("dead_x", "dead_y"), 0),
        **dict.fromkeys(("samples", "examples"), 100),
        "centred": False,
        "method": "moments",
        **more,
    }


def evidence(
    networks: Networks,
    rows: Iterable[Mapping[str, Any]],
    settings: Mapping[str, Mapping[str, Any]],
    *,
    test_accuracy: Mapping[str, float] | None = None,
    train_accuracy: float = 1.0,
    output: str = "Linear",
    hidden: str = "ReLU",
    layers: Sequence[str] = LAYERS,
    parameters: Mapping[str, int] | None = None,
    snapshots: Mapping[str, int] | None = None,
    **more: Any,
) -> Evidence:
    """Of networks trained for 1 000 steps, each with snapshots: steps by name."""
    accuracy = test_accuracy or dict.fromkeys(networks, 0.9)
    tables = Tables.from_rows(
        networks=[
            {
                "network": f"{variant} seed {seed}" + (f" at {snapshot}" if snapshot else ""),
                "variant": variant,
                "seed": str(seed),
                "status": "done",
                "snapshot": snapshot or None,
                "step": step,
                "parameters": (parameters or {}).get(variant),
                "train_accuracy": train_accuracy,
                "test_accuracy": accuracy[variant],
            }
            for variant, seeds in networks.items()
            for seed in seeds
            for snapshot, step in {**(snapshots or {}), "": 1_000}.items()
        ],
        layers=[
            {
                "variant": variant,
                "layer": layer,
                "depth": depth,
                "type": output if layer == "fc" else hidden,
                "neurons": 10,
                "positions": 1 if layer == "fc" else 16,
                "total_positions": 1 if layer == "fc" else 16,
            }
            for variant in networks
            for depth, layer in enumerate(layers)
        ],
        results=list(rows),
        **more,
    )
    return Evidence(tables=tables.kept, settings=settings, over_training=tables.results)


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
