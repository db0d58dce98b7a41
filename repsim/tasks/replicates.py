"""The same statistic computed again: with Y's examples exchanged, and with other examples.

Replicate 0 is the comparison itself; then come the exchanges of the null, and then those of the
interval: each without one group of examples (jackknife), or of groups drawn anew (bootstrap).
"""

import json
import math
from collections.abc import Iterator, Sequence

import numpy as np

from repsim.errors import InputError
from repsim.matching import MatchProfile, match_profile
from repsim.measures import load_measure
from repsim.moments import Moments
from repsim.store import Artifact, Store
from repsim.study import Component
from repsim.tasks.reduction import stored_exchanged, stored_group, stored_moments
from repsim.tasks.specs import ComparisonSpec

__all__ = ["replicate_layer", "stored_criticals", "stored_profile", "stored_values"]

ARRAYS = "arrays.npz"
VALUES = "values.json"


def replicate_layer(location: str, spec: ComparisonSpec, part: tuple[int, int]) -> str:
    """Match profiles and measures of part of the replicates; returns the key of the profiles.

    Parameters
    ----------
    location, spec
        The store, and the comparison, whose moments and profile are there.
    part
        (i, n): every n-th replicate from the i-th on.
    """
    store, key = Store(location), spec.replicates_key(part)
    profiles = Artifact(store, "replicates", key)
    measured = {
        Artifact(store, "measures", spec.measure_key(measure, part)): load_measure(
            measure.name, measure.options
        )
        for measure in spec.of_moments
    }
    wanted = {artifact: measure for artifact, measure in measured.items() if not artifact.exists()}
    lacks_profiles = not profiles.exists()
    if not wanted and not lacks_profiles:
        return key
    criticals: list[np.ndarray] = []
    values: dict[Artifact, list[float | None]] = {artifact: [] for artifact in wanted}
    cautions: dict[Artifact, str] = {}
    for number, moments in _replicates(store, spec, range(part[0], spec.replicates, part[1])):
        if lacks_profiles:
            profile = (
                match_profile(moments, centred=spec.matching.centred)
                if number
                else stored_profile(store, spec.profile_key)
            )
            criticals.append(np.concatenate((profile.critical_x, profile.critical_y)))
        for artifact, measure in wanted.items():
            try:
                values[artifact].append(_finite(measure.value(moments)))
            except InputError as problem:
                values[artifact].append(None)
                cautions.setdefault(artifact, str(problem))
    if lacks_profiles:
        draft = profiles.draft()
        draft.write_arrays(ARRAYS, {"critical": np.stack(criticals)})
        draft.publish()
    for artifact, found in values.items():
        draft = artifact.draft()
        record = {"values": found, "caution": cautions.get(artifact)}
        draft.write(VALUES, json.dumps(record).encode())
        draft.publish()
    return key


def stored_profile(store: Store, key: str) -> MatchProfile:
    """A published match profile."""
    return MatchProfile.from_mapping(Artifact(store, "profiles", key).read_arrays(ARRAYS))


def stored_criticals(store: Store, spec: ComparisonSpec) -> np.ndarray:
    """Critical ε of every neuron, X before Y, in every replicate: (replicates, p + q)."""
    found = np.empty((spec.replicates, spec.x.neurons + spec.y.neurons))
    for part in spec.replicate_parts:
        artifact = Artifact(store, "replicates", spec.replicates_key(part))
        found[part[0] :: part[1]] = artifact.read_arrays(ARRAYS)["critical"]
    return found


def stored_values(
    store: Store, spec: ComparisonSpec, measure: Component
) -> tuple[list[float | None], str | None]:
    """A measure in every replicate, None where it is not defined, and what is to be known of it."""
    if measure in spec.of_examples:
        record = json.loads(Artifact(store, "measures", spec.measure_key(measure)).read(VALUES))
        return record["values"], record["caution"]
    found: list[float | None] = [None] * spec.replicates
    caution = None
    for part in spec.replicate_parts:
        artifact = Artifact(store, "measures", spec.measure_key(measure, part))
        record = json.loads(artifact.read(VALUES))
        found[part[0] :: part[1]] = record["values"]
        caution = caution or record["caution"]
    return found, caution


def _replicates(
    store: Store, spec: ComparisonSpec, numbers: Sequence[int]
) -> Iterator[tuple[int, Moments]]:
    """The moments of each replicate, one at a time."""
    total = stored_moments(store, spec.moments_key)
    for number in numbers:
        if number == 0:
            yield number, total
        elif number <= spec.permutations:
            yield (
                number,
                stored_exchanged(store, spec.resamples_key, number - 1).applied_to(total),
            )
        else:
            yield number, _without_or_drawn(store, spec, total, number - spec.permutations - 1)


def _without_or_drawn(store: Store, spec: ComparisonSpec, total: Moments, number: int) -> Moments:
    if spec.resampling.interval == "jackknife":
        return total - stored_group(store, spec.resamples_key, number)
    moments = Moments.zeros(total.p, total.q)
    for group in spec.drawn_groups(number):
        moments = moments + stored_group(store, spec.resamples_key, group)
    return moments


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
