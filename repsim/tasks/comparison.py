"""From the moments of a comparison to its rows: match profile → a row for each ε and measure.

Every function takes plain values, looks first for its own output, publishes what is worth keeping,
and returns a key or a small row. So any engine can run it, in any process, as often as it likes.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from repsim.matching import match_profile
from repsim.measures import load_measure
from repsim.moments import Factor
from repsim.results import MAXIMUM_MATCH, area_row, layer_rows, match_row, measure_row
from repsim.store import Artifact, Store
from repsim.study import Component
from repsim.tasks import forms
from repsim.tasks.reduction import captured, paired_blocks, stored_source
from repsim.tasks.replicates import stored_criticals, stored_profile, stored_values
from repsim.tasks.specs import ComparisonSpec
from repsim.uncertainty import RankedCriticals

__all__ = [
    "match_at",
    "measure_row_of",
    "profile_layer",
    "publish_rows",
    "stored_ranks",
    "stored_rows",
]

ARRAYS = "arrays.npz"
ROWS = "rows.json"
RANKS = "ranks.npz"

# Identical layers match completely at every ε.
OF_MATCHES = {"best": 1.0, "bounds": [0.0, 1.0], "larger_is_more_similar": True}


def profile_layer(location: str, spec: ComparisonSpec) -> str:
    """The match profile, the critical ε of every neuron of both sides; returns its key.

    Where the digits of the moments are not enough, the activations are read once more for their
    triangular factor, which has twice as many. It is kept beside the moments.
    """
    store, centred = Store(location), spec.matching.centred
    artifact = Artifact(store, "profiles", spec.profile_key)
    if artifact.exists():
        return artifact.key
    source = stored_source(store, spec.moments_key, spec.sides)
    profile = match_profile(source, centred=centred)
    if not profile.settled:
        x, y = (captured(store, layer) for layer in spec.layers)
        factor = Factor.zeros(x.shape[2], y.shape[2])
        for x_block, y_block in paired_blocks(x, y):
            factor = factor.update(x_block, y_block)
        draft = Artifact(store, "factors", spec.moments_key).draft()
        draft.write_arrays(ARRAYS, factor.arrays())
        draft.publish()
        profile = match_profile(factor, centred=centred)
    draft = artifact.draft()
    draft.write_arrays(ARRAYS, profile.arrays())
    draft.publish()
    return artifact.key


def match_at(location: str, spec: ComparisonSpec, epsilon: float) -> dict[str, Any]:
    """The maximum match at one ε, as a row. With the profiles at hand this is a look-up."""
    store = Store(location)
    criticals = stored_criticals(store, spec)
    row = match_row(stored_profile(store, spec.profile_key, spec.sides), epsilon)
    # A dead neuron has no critical ε: it is in no match, and in the denominator.
    shares = np.mean(criticals <= epsilon, axis=1).tolist()
    return {**row, **OF_MATCHES, **spec.order.parted(shares), "groups": spec.groups}


def measure_row_of(location: str, spec: ComparisonSpec, measure: Component) -> dict[str, Any]:
    """Another measure, as a row."""
    known = load_measure(measure.name, measure.options)
    values, caution = stored_values(Store(location), spec, measure)
    row = measure_row(known.convention, values[0], centred=known.centred)
    properties = known.properties
    direction = {
        "best": properties.best,
        "bounds": [
            bound if math.isfinite(bound) else None for bound in (properties.least, properties.most)
        ],
        "larger_is_more_similar": properties.larger_is_more_similar,
    }
    order = spec.examples_order if known.statistic == "examples" else spec.order
    replicates = order.parted(values)
    if not getattr(known, "halves", True):
        replicates |= {"halves": [], "quarters": []}
    return {**row, "caution": caution, **direction, **replicates, "groups": spec.groups}


def publish_rows(location: str, spec: ComparisonSpec, rows: Sequence[dict[str, Any]]) -> str:
    """Publish the rows of a comparison with what they have in common; returns their key.

    Beside them the critical ε by rank, from which intervals of the match are made. The moments of
    its groups and of the nulls are then removed: those of wide layers would fill the disk.
    """
    store = Store(location)
    artifact = spec.artifact(store)
    if not artifact.exists():
        profile = stored_profile(store, spec.profile_key, spec.sides)
        criticals, order = stored_criticals(store, spec), spec.order
        areas = np.nansum(1.0 - criticals, axis=1) / (profile.p + profile.q)
        area = {**area_row(profile), **OF_MATCHES, **order.parted(areas.tolist())}
        area["groups"] = spec.groups
        draft = artifact.draft()
        if spec.groups:
            ranked = RankedCriticals.of(
                criticals[0],
                without=criticals[order.without.start : order.without.stop]
                if order.groups
                else None,
                drawn=criticals[order.drawn.start : order.drawn.stop] if order.draws else None,
                groups=spec.groups,
            )
            draft.write_arrays(RANKS, {"critical": ranked.critical, "error": ranked.error})
        draft.write(ROWS, json.dumps(layer_rows(profile, [*rows, area])).encode())
        draft.publish()
    Artifact(store, "resamples", spec.resamples_key).discard()
    return artifact.key


def stored_rows(store: Store, spec: ComparisonSpec) -> list[dict[str, Any]]:
    """The published rows of a comparison."""
    artifact = spec.artifact(store)
    rows: list[dict[str, Any]] = artifact.read_json(ROWS, forms.ROWS)
    asked = sorted(spec.matching.epsilons)
    matched = sorted(row["epsilon"] for row in rows if row["measure"] == MAXIMUM_MATCH)
    sides = {(row["neurons_x"], row["neurons_y"]) for row in rows}
    others = len(spec.measures) + len(spec.matching.minimal_at) + 1  # the area under the curve
    complete = matched == asked and len(rows) == len(asked) + others
    if not complete or sides != {spec.sides}:
        raise artifact.damaged(f"the rows of another comparison in {ROWS}")
    return rows


def stored_ranks(store: Store, spec: ComparisonSpec) -> RankedCriticals | None:
    """The critical ε by rank, with their standard errors; None where there are no groups."""
    if not spec.groups:
        return None
    neurons = spec.x.neurons + spec.y.neurons
    shapes = {"critical": (neurons,), "error": (neurons,)}
    arrays = spec.artifact(store).read_arrays(RANKS, shapes=shapes)
    return RankedCriticals(**{name: arrays[name] for name in shapes}, groups=spec.groups)
