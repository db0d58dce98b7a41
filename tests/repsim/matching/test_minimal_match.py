"""Minimal matches against the literal Algorithm 2, against brute force, and against the theory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.errors import InputError
from repsim.matching import Match, minimal_match
from repsim.moments import Moments
from tests.references import all_matches, brute_minimal_matches, literal_minimal_match
from tests.repsim.matching.instances import Pair, graded_pair, linear_pair, pairs, relu_pair

EPSILONS = st.sampled_from([0.03, 0.2, 0.35, 0.5, 0.7, 0.9])


def as_sets(match: Match) -> tuple[frozenset[int], frozenset[int]]:
    return frozenset(match.x.tolist()), frozenset(match.y.tolist())


def neurons_of(pair: Pair) -> list[tuple[str, int]]:
    return [("x", v) for v in range(pair.x.shape[1])] + [("y", v) for v in range(pair.y.shape[1])]


@given(pair=pairs(max_width=7), eps=EPSILONS)
@settings(deadline=None)
def test_equals_algorithm_2_in_index_order(pair: Pair, eps: float) -> None:
    moments = Moments.from_arrays(pair.x, pair.y)
    for neuron in neurons_of(pair)[::3]:
        expected = literal_minimal_match(pair.x, pair.y, eps, neuron)
        found = minimal_match(moments, eps=eps, neuron=neuron)
        assert (found and as_sets(found.match)) == expected


@pytest.mark.parametrize("via", ["moments", "factor"])
@pytest.mark.parametrize(
    ("pair", "eps"),
    [
        (graded_pair(0, 300, 30), 0.5),
        (relu_pair(0, 300, 30, 25, shared=10, noise=0.2), 0.52),
        (linear_pair(0, 300, 25, 25, shared=12, noise=0.0), 0.01),
    ],
)
def test_equals_algorithm_2_in_drawn_order(pair: Pair, eps: float, via: str) -> None:
    p = pair.x.shape[1]
    drawn = np.random.default_rng((5, 0)).permutation(p + pair.y.shape[1])
    order = [("x", int(v)) if v < p else ("y", int(v) - p) for v in drawn]
    for neuron in neurons_of(pair)[::17]:
        expected = literal_minimal_match(pair.x, pair.y, eps, neuron, order=order)
        found = minimal_match(pair.x, pair.y, eps, neuron=neuron, order="random", seed=5, via=via)
        assert (found and as_sets(found.match)) == expected


@given(pair=pairs(max_width=4, max_samples=8), eps=EPSILONS, seed=st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_is_minimal_and_knows_whether_it_is_the_only_one(pair: Pair, eps: float, seed: int) -> None:
    matches = all_matches(pair.x, pair.y, eps)
    for neuron in neurons_of(pair):
        minimal = brute_minimal_matches(matches, neuron)
        found = minimal_match(
            pair.x, pair.y, eps, neuron=neuron, order="random", seed=seed, restarts=1
        )
        if found is None:
            assert minimal == []
        else:
            assert as_sets(found.match) in minimal
            assert found.unique == (len(minimal) == 1)
            assert found.certified


def test_a_neuron_can_have_two_minimal_matches() -> None:
    # papers.md, A3: without independence, exact matches do not intersect in an exact match.
    x, y = np.eye(3)[:, :2], np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    found = {
        as_sets(minimal_match(x, y, 0.0, neuron=("x", 0), order="random", seed=seed).match)
        for seed in range(20)
    }
    direct = (frozenset({0}), frozenset({0}))
    roundabout = (frozenset({0, 1}), frozenset({1, 2}))
    assert found == {direct, roundabout}
    assert not minimal_match(x, y, 0.0, neuron=("x", 0)).unique
    smallest = minimal_match(x, y, 0.0, neuron=("x", 0), order="random", restarts=15)
    assert as_sets(smallest.match) == direct
    assert smallest.size == min(smallest.sizes) == 2
    assert len(smallest.sizes) == 16


def test_the_trace_tells_what_was_tried() -> None:
    pair = graded_pair(1, 300, 20)
    found = minimal_match(pair.x, pair.y, 0.5, neuron=("y", 3))
    assert sorted(t.neuron for t in found.trace if t.kept) == sorted(
        [("x", v) for v in found.match.x.tolist()]
        + [("y", v) for v in found.match.y.tolist() if v != 3]
    )
    everything = minimal_match(pair.x, pair.y, 0.5, neuron=("y", 3), seed=9)
    assert everything.trace == found.trace
    lost = sum(t.lost for t in found.trace)
    whole = found.size + lost
    assert all(t.lost == 0 for t in found.trace if t.kept)
    assert all(t.lost > 0 for t in found.trace if not t.kept)
    assert whole > found.size
    assert 0 <= found.slack <= 0.5


def test_neurons_outside_the_maximum_match_have_none() -> None:
    x, y = np.eye(6)[:, :3], np.eye(6)[:, 3:]
    assert minimal_match(x, y, 0.9, neuron=("x", 0)) is None
    dead = np.eye(3) * [1.0, 0.0, 1.0]
    assert minimal_match(dead, np.eye(3), 0.5, neuron=("x", 1)) is None
    assert minimal_match(dead, np.eye(3), 0.5, neuron=("x", 2)).size == 2


@pytest.mark.usefixtures("unchecked_shapes")
def test_wrong_arguments_are_refused() -> None:
    x = np.eye(3)
    with pytest.raises(InputError, match=r"Expected a neuron of x between 0 and 2\. Got 3"):
        minimal_match(x, x, 0.5, neuron=("x", 3))
    with pytest.raises(InputError, match=r"Expected a known side\. Got 'z'"):
        minimal_match(x, x, 0.5, neuron=("z", 0))
    with pytest.raises(InputError, match=r"Expected a known order\. Got 'indices'"):
        minimal_match(x, x, 0.5, neuron=("x", 0), order="indices")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="restarts of at least 0"):
        minimal_match(x, x, 0.5, neuron=("x", 0), restarts=-1)
    with pytest.raises(InputError, match="Got none: pass eps"):
        minimal_match(x, x, neuron=("x", 0))
    with pytest.raises(InputError, match="Expected 0 <= epsilon < 1"):
        minimal_match(x, x, 1.0, neuron=("x", 0))
