"""The rows of a comparison: one for each ε and measure, from its profile and replicates."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from repsim.graph import Node, Product, on_store
from repsim.results import MAXIMUM_MATCH, area_row, layer_rows, match_row, measure_row
from repsim.stages import forms
from repsim.stages.comparison import ComparisonSpec
from repsim.stages.profiles import stored_profile
from repsim.stages.replicates import stored_criticals, stored_values
from repsim.stages.simple import simple_summary
from repsim.store import Artifact, Store
from repsim.study import Component
from repsim.uncertainty import RankedCriticals

if TYPE_CHECKING:
    from repsim.stages.plan import StudyPlan

__all__ = ["nodes", "publish_rows", "stored_ranks", "stored_rows"]

KINDS = ("matches",)

ROWS = "rows.json"
RANKS = "ranks.npz"

# Identical layers match completely at every ε.
OF_MATCHES = {"best": 1.0, "bounds": [0.0, 1.0], "larger_is_more_similar": True}


def nodes(plan: "StudyPlan") -> Iterator[Node]:
    """A node for each comparison: with the profiles at hand, every ε is a look-up."""
    for tile in plan.tiles:
        for spec in tile.comparisons:
            yield Node(
                task="match",
                label=spec.label,
                makes=(Product(folder=spec.folder, label=spec.label, result=True),),
                needs=(
                    spec.profile_folder,
                    *spec.resampled_folders,
                    *(spec.measure_folder(measure) for measure in spec.of_examples),
                    *(spec.simple_folder(epsilon) for epsilon in spec.matching.minimal_at),
                ),
                make=on_store(publish_rows, spec),
                share=tile.key,
                memory=spec.memory,
            )


def publish_rows(store: Store, spec: ComparisonSpec) -> None:
    """Publish the rows of a comparison with what they have in common.

    Beside them the critical ε by rank, from which intervals of the match are made.
    """
    profile = stored_profile(store, spec)
    criticals, order = stored_criticals(store, spec), spec.order

    def of_matches(row: dict[str, Any], values: np.ndarray) -> dict[str, Any]:
        return {**row, **OF_MATCHES, **order.parted(values.tolist()), "groups": spec.groups}

    # A dead neuron has no critical ε: it is in no match, and in the denominator.
    rows = [
        of_matches(match_row(profile, epsilon), np.mean(criticals <= epsilon, axis=1))
        for epsilon in spec.matching.epsilons
    ]
    rows += [_measure_row(store, spec, measure) for measure in spec.measures]
    rows += [simple_summary(store, spec, epsilon) for epsilon in spec.matching.minimal_at]
    areas = np.nansum(1.0 - criticals, axis=1) / (profile.p + profile.q)
    rows.append(of_matches(area_row(profile), areas))
    draft = Artifact.at(store, spec.folder).draft()
    if spec.groups:
        ranked = RankedCriticals.of(
            criticals[0],
            without=criticals[order.without.start : order.without.stop] if order.groups else None,
            drawn=criticals[order.drawn.start : order.drawn.stop] if order.draws else None,
            groups=spec.groups,
        )
        draft.write_arrays(RANKS, {"critical": ranked.critical, "error": ranked.error})
    draft.write(ROWS, json.dumps(layer_rows(profile, rows)).encode())
    draft.publish()


def stored_rows(store: Store, spec: ComparisonSpec) -> list[dict[str, Any]]:
    """The published rows of a comparison."""
    artifact = Artifact.at(store, spec.folder)
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
    arrays = Artifact.at(store, spec.folder).read_arrays(RANKS, shapes=shapes)
    return RankedCriticals(**{name: arrays[name] for name in shapes}, groups=spec.groups)


def _measure_row(store: Store, spec: ComparisonSpec, measure: Component) -> dict[str, Any]:
    known = spec.loaded(measure)
    values, caution = stored_values(store, spec, measure)
    row = measure_row(known.convention, values[0], centred=known.centred)
    properties = known.properties
    direction = {
        "best": properties.best,
        "bounds": [forms.finite(properties.least), forms.finite(properties.most)],
        "larger_is_more_similar": properties.larger_is_more_similar,
    }
    order = spec.examples_order if known.statistic == "examples" else spec.order
    replicates = order.parted(values)
    if not getattr(known, "halves", True):
        replicates |= {"halves": [], "quarters": []}
    return {**row, "caution": caution, **direction, **replicates, "groups": spec.groups}
