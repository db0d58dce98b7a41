"""Survivors of a removal against the literal algorithm; certificates that can fail."""

import numpy as np
import pytest

from repsim.matching.gram_geometry import GramGeometry
from repsim.matching.sieve import Sieve
from repsim.matching.survivors import Survivors, is_minimal
from repsim.moments import Moments
from tests.references import literal_maximum_match
from tests.repsim.matching.instances import Pair, graded_pair, linear_pair, relu_pair

PAIRS = [
    (graded_pair(0, 300, 24), 0.45),
    (graded_pair(0, 300, 24), 0.6),
    (relu_pair(0, 300, 20, 15, shared=10, noise=0.2), 0.6),
    (linear_pair(3, 300, 14, 10, shared=8, noise=0.0), 0.01),
]


def geometry_of(pair: Pair) -> GramGeometry:
    return GramGeometry.from_moments(Moments.from_arrays(pair.x, pair.y), centred=False)


@pytest.mark.parametrize(("pair", "eps"), PAIRS)
def test_rows_are_maximum_matches_without_a_neuron(pair: Pair, eps: float) -> None:
    geometry, p = geometry_of(pair), pair.x.shape[1]
    match = Sieve.of_match(geometry, np.arange(geometry.size), eps).members
    survivors = Survivors(geometry, match, eps)
    for neuron in match.tolist():
        rest = [v for v in match.tolist() if v != neuron]
        inside = frozenset(v for v in rest if v < p), frozenset(v - p for v in rest if v >= p)
        xs, ys = literal_maximum_match(pair.x, pair.y, eps, inside=inside)
        assert set(np.flatnonzero(survivors.without(neuron)).tolist()) == set(xs) | {
            v + p for v in ys
        }


def test_a_match_that_is_not_minimal_gets_no_certificate() -> None:
    pair, eps = graded_pair(0, 300, 24), 0.6
    geometry = geometry_of(pair)
    match = Sieve.of_match(geometry, np.arange(geometry.size), eps).members
    assert not is_minimal(geometry, match, eps, match[:1])


def test_taking_out_and_putting_back_changes_nothing() -> None:
    pair, eps = linear_pair(3, 300, 14, 10, shared=8, noise=0.0), 0.01
    geometry = geometry_of(pair)
    sieve = Sieve(geometry, np.arange(geometry.size), eps)
    before, members = sieve.largest_distance(), sieve.members
    needed = np.ones(geometry.size, dtype=bool)
    for neuron in members.tolist():
        mark = sieve.mark()
        sieve.without(neuron)
        sieve.restore(mark)
        sieve.without(neuron, needed=needed)
        sieve.restore(mark)
    assert sieve.largest_distance() == before
    assert np.array_equal(sieve.members, members)
