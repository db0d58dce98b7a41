"""Simple matches of a comparison at one ε: found in parts, by neuron, and put together."""

import json
from collections.abc import Iterator
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np

from repsim.graph import Cost, Node, Product, on_store
from repsim.matching import Match, SimpleMatch, SimpleMatches, match_structure, simple_matches
from repsim.results import measure_row
from repsim.stages.comparison import ComparisonSpec
from repsim.stages.forms import SIMPLE, finite
from repsim.stages.profiles import stored_source
from repsim.stages.replicate_order import ReplicateOrder
from repsim.store import Artifact, Store

if TYPE_CHECKING:
    from repsim.stages.plan import StudyPlan

__all__ = [
    "find_simple",
    "join_simple",
    "nodes",
    "simple_summary",
    "stored_simple",
    "stored_structure",
]

KINDS = ("simple",)

FILE = "simple.json"

# Of all simple matches, in third powers of the neurons of a pair: `python -m tests.benchmarks`.
SIMPLE_OPERATIONS = 1000


def nodes(plan: "StudyPlan") -> Iterator[Node]:
    """Nodes for each ε of each comparison: of groups of neurons, and of all of them together."""
    for tile in plan.tiles:
        for spec in tile.comparisons:
            for epsilon in spec.matching.minimal_at:
                yield from _nodes_at(spec, epsilon, tile.key)


def _nodes_at(spec: ComparisonSpec, epsilon: float, share: str) -> Iterator[Node]:
    label, count = f"{spec.label}, ε={epsilon}", spec.simple_parts
    # The profile says whether its moments are enough.
    needs = (spec.moments_folder, spec.profile_folder)
    runs = 1 + spec.matching.restarts
    parts = [spec.simple_folder(epsilon, (number, count)) for number in range(count)]
    for number, folder in enumerate(parts):
        yield Node(
            task="simple",
            label=f"{label}, part {number + 1} of {count}",
            makes=(Product(folder=folder, label=spec.label, temporary=True),),
            needs=needs,
            make=on_store(find_simple, spec, epsilon, (number, count)),
            share=share,
            memory=spec.memory,
            cost=Cost(operations=SIMPLE_OPERATIONS * spec.neurons_cubed * runs // count),
        )
    yield Node(
        task="simple",
        label=label,
        makes=(Product(folder=spec.simple_folder(epsilon), label=spec.label, result=True),),
        needs=(*needs, *parts),
        make=on_store(join_simple, spec, epsilon),
        share=share,
        memory=spec.memory,
    )


def find_simple(store: Store, spec: ComparisonSpec, epsilon: float, part: tuple[int, int]) -> None:
    """Find the minimal matches of part of the neurons: with (i, n), every n-th from the i-th on."""
    first, step = part
    p, q = spec.sides
    neurons = Match.of(range(first, p, step), range(first, q, step))
    found = simple_matches(
        stored_source(store, spec), eps=epsilon, neurons=neurons, **spec.simple_options
    )
    draft = Artifact.at(store, spec.simple_folder(epsilon, part)).draft()
    draft.write(FILE, json.dumps(_record(found)).encode())
    draft.publish(lasting=False)


def join_simple(store: Store, spec: ComparisonSpec, epsilon: float) -> None:
    """Put all parts together, with what can be said of their uniqueness."""
    count = spec.simple_parts
    parts = (spec.simple_folder(epsilon, (number, count)) for number in range(count))
    found = reduce(add, (stored_simple(store, part) for part in parts))
    structure = match_structure(
        stored_source(store, spec), eps=found.eps, centred=spec.matching.centred
    )
    record = {
        "theta_least": float(np.degrees(min(structure.x.theta_least, structure.y.theta_least))),
        "theta_most": float(np.degrees(min(structure.x.theta_most, structure.y.theta_most))),
        "gap_needed": finite(structure.gap_needed),
        "gap_most": finite(structure.gap_most),
        "excluded": structure.excluded,
        "words": str(structure),
    }
    draft = Artifact.at(store, spec.simple_folder(epsilon)).draft()
    draft.write(FILE, json.dumps({**_record(found), "structure": record}).encode())
    draft.publish()


def simple_summary(store: Store, spec: ComparisonSpec, epsilon: float) -> dict[str, Any]:
    """The share of neurons with a unique minimum match, as a row."""
    found = stored_simple(store, spec.simple_folder(epsilon))
    row = measure_row(
        "unique minimum match share", found.unique_share, centred=spec.matching.centred
    )
    context = {
        **ReplicateOrder().parted([]),
        "groups": 0,
        **{"best": 1.0, "bounds": [0.0, 1.0], "larger_is_more_similar": True},
    }
    return {**row, "epsilon": found.eps, **context}


def stored_simple(store: Store, folder: str) -> SimpleMatches:
    """Published simple matches."""
    record = _stored(store, folder)
    names = ("eps", "p", "q", "order", "seed", "restarts", "method")
    with Artifact.at(store, folder).as_expected(FILE):
        return SimpleMatches(
            **{name: record[name] for name in names},
            whole=Match.of(*record["whole"]),
            matches=tuple(
                SimpleMatch(
                    match=Match.of(*simple["match"]),
                    minimal_for=Match.of(*simple["minimal_for"]),
                    minimum_for=Match.of(*simple["minimum_for"]),
                    slack=simple["slack"],
                    certified=simple["certified"],
                )
                for simple in record["matches"]
            ),
        )


def stored_structure(store: Store, folder: str) -> dict[str, Any]:
    """What is known of the conditions for uniqueness: columns of the structure table."""
    structure: dict[str, Any] | None = _stored(store, folder).get("structure")
    if structure is None:
        raise Artifact.at(store, folder).damaged(f"only a part of the matches in {FILE}")
    return structure


def _stored(store: Store, folder: str) -> dict[str, Any]:
    record: dict[str, Any] = Artifact.at(store, folder).read_json(FILE, SIMPLE)
    return record


def _record(found: SimpleMatches) -> dict[str, Any]:
    return {
        **{name: getattr(found, name) for name in ("eps", "p", "q", "order", "seed", "restarts")},
        "method": found.method,
        "whole": _sides(found.whole),
        "matches": [
            {
                "match": _sides(simple.match),
                "minimal_for": _sides(simple.minimal_for),
                "minimum_for": _sides(simple.minimum_for),
                "slack": float(simple.slack),
                "certified": bool(simple.certified),
            }
            for simple in found.matches
        ],
    }


def _sides(match: Match) -> tuple[list[int], list[int]]:
    return match.x.tolist(), match.y.tolist()
