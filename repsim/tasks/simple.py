"""Simple matches of a comparison at one ε: found in parts, by neuron, and put together."""

import json
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from repsim.matching import Match, SimpleMatch, SimpleMatches, match_structure, simple_matches
from repsim.results import measure_row
from repsim.store import Artifact, Store
from repsim.tasks.forms import SIMPLE
from repsim.tasks.reduction import stored_source
from repsim.tasks.replicates import stored_profile
from repsim.tasks.specs.replicate_order import ReplicateOrder

__all__ = ["find_simple", "join_simple", "simple_summary", "stored_simple", "stored_structure"]

KIND = "simple"
FILE = "simple.json"


def find_simple(
    location: str,
    key: str,
    moments_key: str,
    profile_key: str,
    epsilon: float,
    options: Mapping[str, Any],
    part: tuple[int, int],
) -> str:
    """Minimal matches of part of the neurons, every n-th from the i-th on; returns `key`.

    Parameters
    ----------
    location, key, moments_key
        The store, the key of the result, and that of the moments.
    profile_key
        Of the profile, which must be there: it decides whether moments or factor are used.
    epsilon
        The ε.
    options
        `centred`, `restarts` and `seed`.
    part
        (i, n).
    """
    store = Store(location)
    artifact = Artifact(store, KIND, key)
    if artifact.exists():
        return key
    profile = stored_profile(store, profile_key)
    first, step = part
    neurons = Match.of(range(first, profile.p, step), range(first, profile.q, step))
    found = simple_matches(
        stored_source(store, moments_key), eps=epsilon, neurons=neurons, **options
    )
    draft = artifact.draft()
    draft.write(FILE, json.dumps(_record(found)).encode())
    draft.publish()
    return key


def join_simple(
    location: str, key: str, moments_key: str, parts: Sequence[str], centred: bool
) -> str:
    """All parts as one result, with what can be said of its uniqueness; returns `key`."""
    store = Store(location)
    artifact = Artifact(store, KIND, key)
    if artifact.exists():
        return key
    found = reduce(add, (stored_simple(store, part) for part in parts))
    source = stored_source(store, moments_key)
    structure = match_structure(source, eps=found.eps, centred=centred)
    record = {
        "theta_least": float(np.degrees(min(structure.x.theta_least, structure.y.theta_least))),
        "theta_most": float(np.degrees(min(structure.x.theta_most, structure.y.theta_most))),
        "gap_needed": _finite(structure.gap_needed),
        "gap_most": _finite(structure.gap_most),
        "excluded": structure.excluded,
        "words": str(structure),
    }
    draft = artifact.draft()
    draft.write(FILE, json.dumps({**_record(found), "structure": record}).encode())
    draft.publish()
    return key


def simple_summary(location: str, key: str, centred: bool) -> dict[str, Any]:
    """The share of neurons with a unique minimum match, as a row."""
    found = stored_simple(Store(location), key)
    row = measure_row("unique minimum match share", found.unique_share, centred=centred)
    context = {
        **ReplicateOrder().parted([]),
        "groups": 0,
        **{"best": 1.0, "bounds": [0.0, 1.0], "larger_is_more_similar": True},
    }
    return {**row, "epsilon": found.eps, **context}


def stored_simple(store: Store, key: str) -> SimpleMatches:
    """Published simple matches."""
    record = _stored(store, key)
    names = ("eps", "p", "q", "order", "seed", "restarts", "method")
    with Artifact(store, KIND, key).as_expected(FILE):
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


def stored_structure(store: Store, key: str) -> dict[str, Any]:
    """What is known of the conditions for uniqueness: columns of the structure table."""
    structure: dict[str, Any] | None = _stored(store, key).get("structure")
    if structure is None:
        raise Artifact(store, KIND, key).damaged(f"only a part of the matches in {FILE}")
    return structure


def _stored(store: Store, key: str) -> dict[str, Any]:
    record: dict[str, Any] = Artifact(store, KIND, key).read_json(FILE, SIMPLE)
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


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
