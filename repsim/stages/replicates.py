"""Replicates: the same statistic with Y's examples permuted, and with other examples.

`ReplicateOrder` says which replicates there are and where each stands.
"""

import json
from collections.abc import Collection, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from repsim.errors import InputError
from repsim.examples import ExamplePair
from repsim.graph import Cost, Node, Product, Worker
from repsim.matching import match_profile
from repsim.measures import Measure, checked_value, value_and_caution
from repsim.moments import Moments
from repsim.stages import forms
from repsim.stages.comparison import ComparisonSpec
from repsim.stages.factor_replicates import FactorReplicates
from repsim.stages.moments import Resamples, stored_moments
from repsim.stages.profiles import PROFILE_OPERATIONS, stored_profile
from repsim.store import Artifact, Store
from repsim.study import Component

if TYPE_CHECKING:
    from repsim.stages.plan import StudyPlan

__all__ = ["MeasureValues", "nodes", "replicate_layer", "stored_criticals", "stored_values"]

KINDS = ("replicates", "measures")

# What a replicate of few neurons takes: 3 ms.
LEAST = 10**8

ARRAYS = "arrays.npz"
VALUES = "values.json"


def nodes(plan: "StudyPlan") -> Iterator[Node]:
    """A node for each part of the replicates of each comparison, with measures of moments."""
    for tile in plan.tiles:
        for spec in tile.comparisons:
            parts = spec.replicate_parts
            for part in parts:
                folders = [spec.replicates_folder(part)]
                folders += [spec.measure_folder(measure, part) for measure in spec.of_moments]
                needs = [spec.moments_folder, spec.profile_folder]
                needs += [layer.folder for layer in spec.layers]
                if spec.order.count > 1:
                    needs.append(spec.resamples_folder)
                number, count = part
                computed = len(range(number, spec.replicates, count))
                yield Node(
                    task="replicates",
                    label=f"{spec.label}, part {number + 1} of {count}",
                    makes=tuple(Product(folder=folder, label=spec.label) for folder in folders),
                    needs=tuple(needs),
                    make=partial(replicate_layer, spec, part),
                    share=tile.key,
                    memory=spec.memory,
                    cost=Cost(
                        operations=(PROFILE_OPERATIONS * spec.neurons_cubed + LEAST) * computed
                    ),
                )


def replicate_layer(
    spec: ComparisonSpec,
    part: tuple[int, int],
    store: Store,
    wanted: Collection[str],
    worker: Worker,
) -> None:
    """Compute match profiles and measures of part of the replicates.

    Where the profile needed the factor, and differs from that of the moments, so do the profiles of
    the replicates.

    Parameters
    ----------
    spec
        The comparison, whose moments and profile exist.
    part
        (i, n): every n-th replicate from the i-th on.
    store, wanted, worker
        As `Node.make` has them.
    """
    del worker
    profiles = Artifact.at(store, spec.replicates_folder(part))
    measured = {
        Artifact.at(store, spec.measure_folder(measure, part)): MeasureValues(spec.loaded(measure))
        for measure in spec.of_moments
    }
    measured = {a: values for a, values in measured.items() if a.folder in wanted}
    lacks_profiles = profiles.folder in wanted
    total = stored_moments(store, spec.moments_folder, spec.sides)
    profile = stored_profile(store, spec)
    factors = None
    if lacks_profiles and profile.method == "factor":
        of_moments = match_profile(total, centred=spec.matching.centred)
        factors = None if profile.agrees_with(of_moments) else FactorReplicates(store, spec)
    resamples = Resamples(store, spec)
    criticals: list[np.ndarray] = []
    for number in range(part[0], spec.replicates, part[1]):
        moments = _moments(spec, resamples, total, number) if measured or factors is None else total
        if lacks_profiles:
            if number:
                source = moments if factors is None else factors.of(number)
                profile = match_profile(source, centred=spec.matching.centred)
            criticals.append(np.concatenate((profile.critical_x, profile.critical_y)))
        for values in measured.values():
            values.add(moments)
    if lacks_profiles:
        draft = profiles.draft()
        draft.write_arrays(ARRAYS, {"critical": np.stack(criticals)})
        draft.publish()
    for artifact, values in measured.items():
        values.publish(artifact)


def stored_criticals(store: Store, spec: ComparisonSpec) -> np.ndarray:
    """Critical ε of every neuron, X before Y, in every replicate: (replicates, p + q)."""
    found = np.empty((spec.replicates, spec.x.neurons + spec.y.neurons))
    for part in spec.replicate_parts:
        artifact = Artifact.at(store, spec.replicates_folder(part))
        place = found[part[0] :: part[1]]
        place[:] = artifact.read_arrays(ARRAYS, shapes={"critical": place.shape})["critical"]
    return found


def stored_values(
    store: Store, spec: ComparisonSpec, measure: Component
) -> tuple[list[float | None], str | None]:
    """A measure in every replicate, None where it is not defined, and what to know of it."""
    if measure in spec.of_examples:
        artifact = Artifact.at(store, spec.measure_folder(measure))
        record = _values(artifact, spec.examples_order.count)
        return record["values"], record["caution"]
    found: list[float | None] = [None] * spec.replicates
    caution = None
    for part in spec.replicate_parts:
        artifact = Artifact.at(store, spec.measure_folder(measure, part))
        record = _values(artifact, len(range(part[0], spec.replicates, part[1])))
        found[part[0] :: part[1]] = record["values"]
        caution = caution or record["caution"]
    return found, caution


def _values(artifact: Artifact, count: int) -> dict[str, Any]:
    record: dict[str, Any] = artifact.read_json(VALUES, forms.VALUES)
    if len(record["values"]) != count:
        raise artifact.damaged(f"{len(record['values'])} values for {count} in {VALUES}")
    return record


class MeasureValues:
    """A measure of one replicate after the other."""

    def __init__(self, measure: Measure) -> None:
        self._measure = measure
        self.found: list[float | None] = []
        self.caution = ""

    def add(self, statistic: Moments | ExamplePair) -> None:
        """Of the next replicate; what the first says of itself is kept."""
        if not self.found:
            value, self.caution = value_and_caution(self._measure, statistic)
            self.found.append(value)
            return
        try:
            self.found.append(forms.finite(checked_value(self._measure, statistic)))
        except InputError as problem:
            self.found.append(None)
            self.caution = self.caution or str(problem)

    def publish(self, artifact: Artifact) -> None:
        """Publish all of them."""
        draft = artifact.draft()
        record = {"values": self.found, "caution": self.caution or None}
        draft.write(VALUES, json.dumps(record).encode())
        draft.publish()


def _moments(spec: ComparisonSpec, resamples: Resamples, total: Moments, number: int) -> Moments:
    order = spec.order
    if number == 0:
        return total
    if number in order.nulls:
        return resamples.permuted(number - 1).applied_to(total)
    if number in order.without:
        return total - resamples.group(number - order.without.start)
    moments = Moments.zeros(total.p, total.q)
    for group in spec.groups_of(number):
        moments = moments + resamples.group(group)
    return moments
