"""The same statistic computed again: with Y's examples permuted, and with other examples.

`ReplicateOrder` says which replicates there are and where each stands.
"""

import json
import math
from typing import Any

import numpy as np

from repsim.errors import InputError
from repsim.matching import MatchProfile, match_profile
from repsim.measures import Measure, checked_value, load_measure, value_and_caution
from repsim.moments import Moments
from repsim.store import Artifact, Store
from repsim.study import Component
from repsim.tasks import forms
from repsim.tasks.factor_replicates import FactorReplicates
from repsim.tasks.reduction import stored_group, stored_moments, stored_permuted
from repsim.tasks.specs import ComparisonSpec

__all__ = ["replicate_layer", "stored_criticals", "stored_profile", "stored_values"]

ARRAYS = "arrays.npz"
VALUES = "values.json"


def replicate_layer(location: str, spec: ComparisonSpec, part: tuple[int, int]) -> str:
    """Match profiles and measures of part of the replicates; returns the key of the profiles.

    Where the profile needed the factor, and differs from that of the moments, so do the profiles of
    the replicates.

    Parameters
    ----------
    location, spec
        The store, and the comparison, whose moments and profile are there.
    part
        (i, n): every n-th replicate from the i-th on.
    """
    store, key = Store(location), spec.replicates_key(part)
    profiles = Artifact(store, "replicates", key)
    measured_as = {
        Artifact(store, "measures", spec.measure_key(measure, part)): load_measure(
            measure.name, measure.options
        )
        for measure in spec.of_moments
    }
    wanted = {
        artifact: _Values(measure)
        for artifact, measure in measured_as.items()
        if not artifact.exists()
    }
    lacks_profiles = not profiles.exists()
    if not wanted and not lacks_profiles:
        return key
    total = stored_moments(store, spec.moments_key, spec.sides)
    profile = stored_profile(store, spec.profile_key, spec.sides)
    factors = None
    if lacks_profiles and profile.method == "factor":
        of_moments = match_profile(total, centred=spec.matching.centred)
        factors = None if profile.agrees_with(of_moments) else FactorReplicates(store, spec)
    criticals: list[np.ndarray] = []
    for number in range(part[0], spec.replicates, part[1]):
        moments = _moments(store, spec, total, number) if wanted or factors is None else total
        if lacks_profiles:
            if number:
                source = moments if factors is None else factors.of(number)
                profile = match_profile(source, centred=spec.matching.centred)
            criticals.append(np.concatenate((profile.critical_x, profile.critical_y)))
        for values in wanted.values():
            values.add(moments)
    if lacks_profiles:
        draft = profiles.draft()
        draft.write_arrays(ARRAYS, {"critical": np.stack(criticals)})
        draft.publish()
    for artifact, values in wanted.items():
        draft = artifact.draft()
        record = {"values": values.found, "caution": values.caution or None}
        draft.write(VALUES, json.dumps(record).encode())
        draft.publish()
    return key


def stored_profile(store: Store, key: str, sides: tuple[int, int] | None = None) -> MatchProfile:
    """A published match profile; `sides` are the neurons of X and Y where they are known."""
    artifact = Artifact(store, "profiles", key)
    arrays = artifact.read_arrays(ARRAYS)
    with artifact.as_expected(ARRAYS):
        profile = MatchProfile.from_mapping(arrays)
    if (profile.p, profile.q) != (sides or (profile.p, profile.q)):
        raise artifact.damaged(f"the profile of {profile.p} and {profile.q} neurons in {ARRAYS}")
    return profile


def stored_criticals(store: Store, spec: ComparisonSpec) -> np.ndarray:
    """Critical ε of every neuron, X before Y, in every replicate: (replicates, p + q)."""
    found = np.empty((spec.replicates, spec.x.neurons + spec.y.neurons))
    for part in spec.replicate_parts:
        artifact = Artifact(store, "replicates", spec.replicates_key(part))
        place = found[part[0] :: part[1]]
        place[:] = artifact.read_arrays(ARRAYS, shapes={"critical": place.shape})["critical"]
    return found


def stored_values(
    store: Store, spec: ComparisonSpec, measure: Component
) -> tuple[list[float | None], str | None]:
    """A measure in every replicate, None where it is not defined, and what to know of it."""
    if measure in spec.of_examples:
        artifact = Artifact(store, "measures", spec.measure_key(measure))
        record = _values(artifact, spec.examples_order.count)
        return record["values"], record["caution"]
    found: list[float | None] = [None] * spec.replicates
    caution = None
    for part in spec.replicate_parts:
        artifact = Artifact(store, "measures", spec.measure_key(measure, part))
        record = _values(artifact, len(range(part[0], spec.replicates, part[1])))
        found[part[0] :: part[1]] = record["values"]
        caution = caution or record["caution"]
    return found, caution


def _values(artifact: Artifact, count: int) -> dict[str, Any]:
    record: dict[str, Any] = artifact.read_json(VALUES, forms.VALUES)
    if len(record["values"]) != count:
        raise artifact.damaged(f"{len(record['values'])} values for {count} in {VALUES}")
    return record


class _Values:
    """A measure of one replicate after the other."""

    def __init__(self, measure: Measure) -> None:
        self._measure = measure
        self.found: list[float | None] = []
        self.caution = ""

    def add(self, moments: Moments) -> None:
        """Of the next replicate; what the first says of itself is kept."""
        if not self.found:
            value, self.caution = value_and_caution(self._measure, moments)
            self.found.append(value)
            return
        try:
            self.found.append(_finite(checked_value(self._measure, moments)))
        except InputError as problem:
            self.found.append(None)
            self.caution = self.caution or str(problem)


def _moments(store: Store, spec: ComparisonSpec, total: Moments, number: int) -> Moments:
    order, key = spec.order, spec.resamples_key
    if number == 0:
        return total
    if number in order.nulls:
        return stored_permuted(store, key, number - 1, spec.sides).applied_to(total)
    if number in order.without:
        return total - stored_group(store, key, number - order.without.start, spec.sides)
    moments = Moments.zeros(total.p, total.q)
    for group in spec.groups_of(number):
        moments = moments + stored_group(store, key, group, spec.sides)
    return moments


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
