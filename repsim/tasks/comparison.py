"""The stages of a comparison: activations → moments → match profile → a row for each ε.

Every function takes plain values, looks first for its own output, publishes what is worth keeping,
and returns a key or a small row. So any engine can run it, in any process, as often as it likes.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from repsim.errors import IntegrityError
from repsim.matching import MatchProfile, match_profile
from repsim.measures import load_measure
from repsim.moments import Factor, Moments
from repsim.results import area_row, layer_rows, match_row, measure_row
from repsim.store import Activations, Artifact, Store

__all__ = [
    "match_at",
    "measure_layer",
    "merge_moments",
    "profile_layer",
    "publish_rows",
    "reduce_examples",
    "stored_moments",
    "stored_profile",
    "stored_rows",
    "stored_source",
]

ARRAYS = "arrays.npz"
ROWS = "rows.json"


def reduce_examples(
    location: str,
    key: str,
    x_key: str,
    y_key: str,
    start: int,
    stop: int,
    *,
    unless: Sequence[str] = (),
) -> str:
    """Moments of a range of examples, from the activations of both networks; returns `key`.

    Nothing is done where one of the keys `unless` is there: sums that contain these moments.

    Raises
    ------
    IntegrityError
        When the activations are damaged, or belong to different examples.
    """
    store = Store(location)
    artifact = Artifact(store, "moments", key)
    if _any_moments(store, [key, *unless]):
        return key
    x, y = Activations(store, x_key), Activations(store, y_key)
    if x.ids != y.ids:
        raise IntegrityError(
            f"Expected the same examples in the same order. Got {len(x.ids)} in "
            f"{x.artifact.folder} and {len(y.ids)} in {y.artifact.folder}, and the lists differ. "
            "Delete both folders and run again."
        )
    moments = Moments.zeros(x.shape[2], y.shape[2])
    for x_block, y_block in _paired_blocks(x, y, start, stop):
        moments = moments.update(x_block, y_block)
    return _publish_moments(artifact, moments)


def merge_moments(
    location: str, key: str, parts: Sequence[str], *, unless: Sequence[str] = ()
) -> str:
    """The sum of the moments under the keys `parts`, added in this order; returns `key`.

    The parts are then removed: those of wide layers would fill the disk. For `unless` see
    `reduce_examples`.
    """
    store = Store(location)
    artifact = Artifact(store, "moments", key)
    if _any_moments(store, [key, *unless]):
        return key
    first, *others = parts
    moments = stored_moments(store, first)
    for part in others:
        moments = moments + stored_moments(store, part)
    _publish_moments(artifact, moments)
    for part in parts:
        Artifact(store, "moments", part).discard()
    return key


def profile_layer(
    location: str, key: str, moments_key: str, x_key: str, y_key: str, centred: bool
) -> str:
    """The match profile, the critical ε of every neuron of both sides; returns `key`.

    Where the digits of the moments are not enough, the activations are read once more for their
    triangular factor, which has twice as many. It is kept beside the moments.
    """
    store = Store(location)
    artifact = Artifact(store, "profiles", key)
    if artifact.exists():
        return key
    source = stored_source(store, moments_key)
    profile = match_profile(source, centred=centred)
    if not profile.settled:
        x, y = Activations(store, x_key), Activations(store, y_key)
        factor = Factor.zeros(x.shape[2], y.shape[2])
        for x_block, y_block in _paired_blocks(x, y, 0, x.shape[0]):
            factor = factor.update(x_block, y_block)
        draft = Artifact(store, "factors", moments_key).draft()
        draft.write_arrays(ARRAYS, factor.arrays())
        draft.publish()
        profile = match_profile(factor, centred=centred)
    draft = artifact.draft()
    draft.write_arrays(ARRAYS, profile.arrays())
    draft.publish()
    return key


def match_at(location: str, profile_key: str, epsilon: float) -> dict[str, Any]:
    """The maximum match at one ε, as a row. With the profile at hand this is a look-up."""
    return match_row(stored_profile(Store(location), profile_key), epsilon)


def measure_layer(
    location: str, moments_key: str, name: str, options: Mapping[str, object]
) -> dict[str, Any]:
    """Another measure of the same moments, as a row."""
    measure = load_measure(name, options)
    value = measure.value(stored_moments(Store(location), moments_key))
    return measure_row(measure.convention, value, centred=measure.centred)


def publish_rows(location: str, key: str, profile_key: str, rows: Sequence[dict[str, Any]]) -> str:
    """Publish the rows of a comparison with what they have in common; returns `key`."""
    store = Store(location)
    artifact = Artifact(store, "matches", key)
    if artifact.exists():
        return key
    profile = stored_profile(store, profile_key)
    complete = layer_rows(profile, [*rows, area_row(profile)])
    draft = artifact.draft()
    draft.write(ROWS, json.dumps(complete).encode())
    draft.publish()
    return key


def stored_profile(store: Store, key: str) -> MatchProfile:
    """A published match profile."""
    return MatchProfile.from_mapping(Artifact(store, "profiles", key).read_arrays(ARRAYS))


def stored_rows(store: Store, key: str) -> list[dict[str, Any]]:
    """The published rows of a comparison."""
    rows: list[dict[str, Any]] = json.loads(Artifact(store, "matches", key).read(ROWS))
    return rows


def stored_moments(store: Store, key: str) -> Moments:
    """Published moments."""
    return Moments.from_mapping(Artifact(store, "moments", key).read_arrays(ARRAYS))


def stored_source(store: Store, key: str) -> Moments | Factor:
    """The factor where a profile needed it, the moments elsewhere."""
    factor = Artifact(store, "factors", key)
    if factor.exists():
        return Factor.from_mapping(factor.read_arrays(ARRAYS))
    return stored_moments(store, key)


def _paired_blocks(
    x: Activations, y: Activations, start: int, stop: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    step = min(x.examples_per_shard, y.examples_per_shard)
    return zip(x.blocks(start, stop, step), y.blocks(start, stop, step), strict=True)


def _any_moments(store: Store, keys: Sequence[str]) -> bool:
    return any(Artifact(store, "moments", key).exists() for key in keys)


def _publish_moments(artifact: Artifact, moments: Moments) -> str:
    draft = artifact.draft()
    draft.write_arrays(ARRAYS, moments.arrays())
    draft.publish()
    return artifact.key
