"""Layers whose moments have too few digits are matched from their triangular factor."""

import numpy as np

from repsim import match_profile, simple_matches
from repsim.stages.comparison import ComparisonSpec
from repsim.stages.matches import stored_rows
from repsim.stages.profiles import FACTOR, stored_profile
from repsim.stages.simple import stored_simple
from repsim.store import Artifact, Store
from repsim.study import Matching
from tests.repsim.stages.pairs import (
    EXAMPLES,
    NEURONS,
    POSITIONS,
    ids,
    layer,
    make,
    make_pair,
    write,
)


def near_twins(store):
    """The last neuron of X is its first, but for 4e-7 of a direction that Y knows."""
    random = np.random.default_rng(0)
    x = random.normal(size=(EXAMPLES, POSITIONS, NEURONS))
    y = random.normal(size=x.shape)
    x[..., -1] = x[..., 0] + 4e-7 * y[..., 1]
    y[..., 0] = x[..., 0] + x[..., 2]
    values = [array.astype(np.float32) for array in (x, y)]
    matching = Matching(epsilons=(0.3,), minimal_at=(0.9,))
    spec = ComparisonSpec(x=layer(0), y=layer(1), matching=matching)
    write(store, spec.x, values[0], ids())
    write(store, spec.y, values[1], ids())
    return spec, *(array.reshape(-1, NEURONS) for array in values)


def has_factor(store, spec):
    parts = Artifact.at(store, spec.profile_folder).marker().parts
    return FACTOR in {part.name for part in parts}


def test_the_profile_is_that_of_the_factor(tmp_path):
    store = Store(str(tmp_path))
    spec, x, y = near_twins(store)
    make(store, spec)
    assert has_factor(store, spec)
    stored = stored_profile(store, spec)
    expected = match_profile(x, y, via="factor")
    np.testing.assert_allclose(stored.critical_x, expected.critical_x, atol=1e-9)
    assert {row["method"] for row in stored_rows(store, spec)} == {"factor"}
    assert not match_profile(x, y, via="moments").settled


def test_simple_matches_are_those_of_the_factor(tmp_path):
    store = Store(str(tmp_path))
    spec, x, y = near_twins(store)
    make(store, spec)
    found = stored_simple(store, spec.simple_folder(0.9))
    assert found == simple_matches(x, y, 0.9, via="factor")
    assert found.method == "factor"
    assert len(found) > 0


def test_in_parts_they_are_the_same(tmp_path, monkeypatch):
    store = Store(str(tmp_path))
    spec, x, y = near_twins(store)
    monkeypatch.setattr("repsim.stages.comparison.SECONDS_PER_TASK", 1e-9)
    assert spec.simple_parts == NEURONS
    make(store, spec)
    assert stored_simple(store, spec.simple_folder(0.9)) == simple_matches(x, y, 0.9, via="factor")


def test_moments_with_enough_digits_stay(tmp_path):
    store = Store(str(tmp_path))
    spec = make_pair(store).spec
    make(store, spec)
    assert not has_factor(store, spec)
    assert {row["method"] for row in stored_rows(store, spec)} == {"moments"}
