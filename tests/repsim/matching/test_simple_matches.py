"""Simple matches: the same as neuron by neuron, minimal, certified, and together everything."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.errors import InputError
from repsim.matching import Match, match_profile, minimal_match, simple_matches
from repsim.moments import Moments
from tests.references import Pair as Sets
from tests.references import all_matches, brute_minimal_matches
from tests.repsim.matching.instances import Pair, graded_pair, linear_pair, pairs, relu_pair

EPSILONS = st.sampled_from([0.03, 0.2, 0.35, 0.5, 0.7, 0.9])


def as_sets(match: Match) -> Sets:
    return frozenset(match.x.tolist()), frozenset(match.y.tolist())


def members(match: Match) -> list[tuple[str, int]]:
    return [("x", v) for v in match.x.tolist()] + [("y", v) for v in match.y.tolist()]


def irreducible(matches: list[Sets]) -> set[Sets]:
    """Non-empty matches that are not the union of the strictly smaller matches inside them."""
    result = set()
    for xs, ys in matches:
        inside = [m for m in matches if m != (xs, ys) and m[0] <= xs and m[1] <= ys]
        union = (
            frozenset().union(*(m[0] for m in inside)),
            frozenset().union(*(m[1] for m in inside)),
        )
        if union != (xs, ys):
            result.add((xs, ys))
    return result


@pytest.mark.parametrize("order", ["index", "random"])
@pytest.mark.parametrize(
    ("pair", "eps"),
    [
        (graded_pair(0, 300, 25), 0.5),
        (graded_pair(0, 300, 25), 0.65),
        (relu_pair(0, 300, 20, 15, shared=10, noise=0.2), 0.6),
        (linear_pair(0, 300, 12, 16, shared=8, noise=0.0), 0.01),
    ],
)
def test_each_neuron_gets_what_it_gets_alone(pair: Pair, eps: float, order: str) -> None:
    moments = Moments.from_arrays(pair.x, pair.y)
    together = simple_matches(moments, eps=eps, order=order, seed=3, restarts=1)
    assert together.whole == match_profile(moments).maximum_match(eps)
    for side, index in members(together.whole)[::5]:
        alone = minimal_match(
            moments, eps=eps, neuron=(side, index), order=order, seed=3, restarts=1
        )
        assert together.of(side, index).match == alone.match
        assert together.unique[side == "y"][index] == alone.unique
        assert together.sizes[side == "y"][index] == alone.size


@given(pair=pairs(max_width=4, max_samples=8), eps=EPSILONS)
@settings(deadline=None, max_examples=40)
def test_certificates_and_completeness_agree_with_brute_force(pair: Pair, eps: float) -> None:
    matches = all_matches(pair.x, pair.y, eps)
    simple = irreducible(matches)
    found = simple_matches(pair.x, pair.y, eps)
    minimal = {v: brute_minimal_matches(matches, v) for v in members(found.whole)}
    for one in found.matches:
        assert as_sets(one.match) in simple
        assert one.certified
        for v in members(one.minimal_for):
            assert as_sets(one.match) in minimal[v]
        assert set(members(one.minimum_for)) == {
            v for v in members(one.minimal_for) if len(minimal[v]) == 1
        }
    assert found.complete == all(len(options) == 1 for options in minimal.values())
    if found.complete:
        assert {as_sets(one.match) for one in found.matches} == simple


@given(pair=pairs(max_width=8), eps=EPSILONS, seed=st.integers(0, 99))
@settings(deadline=None, max_examples=50)
def test_the_match_is_the_union_of_its_simple_matches(pair: Pair, eps: float, seed: int) -> None:
    found = simple_matches(pair.x, pair.y, eps, order="random", seed=seed)
    union = Match.of([], [])
    for one in found.decomposition():
        assert one.match <= found.whole
        assert one.slack >= -1e-6
        union = union | one.match
    assert union == found.whole
    asked = [v for one in found.matches for v in members(one.minimal_for)]
    assert sorted(asked) == sorted(members(found.whole))
    assert len({one.match for one in found.matches}) == len(found)
    assert [one.size for one in found.matches] == sorted(one.size for one in found.matches)


def test_work_can_be_spread_over_neurons() -> None:
    pair = graded_pair(2, 300, 16)
    moments = Moments.from_arrays(pair.x, pair.y)
    whole = simple_matches(moments, eps=0.6, restarts=1)
    sides = Match.of(range(16), []), Match.of([], range(16))
    parts = [simple_matches(moments, eps=0.6, restarts=1, neurons=side) for side in sides]
    assert parts[0] + parts[1] == whole
    with pytest.raises(InputError, match="Got some that cover"):
        simple_matches(moments, eps=0.6, neurons=Match.of([0], [])).decomposition()
    with pytest.raises(InputError, match="of the same match at the same epsilon"):
        whole + simple_matches(moments, eps=0.5)


def test_a_given_match_can_be_taken_apart() -> None:
    pair = graded_pair(3, 300, 16)
    largest = max(simple_matches(pair.x, pair.y, 0.6).matches, key=lambda s: s.size)
    smaller = simple_matches(pair.x, pair.y, 0.6).matches[0].match | largest.match
    inside = simple_matches(pair.x, pair.y, 0.6, within=smaller)
    assert inside.whole == smaller
    union = Match.of([], [])
    for one in inside.decomposition():
        union = union | one.match
    assert union == smaller
    with pytest.raises(InputError, match=r"Expected within to be a match at epsilon 0\.6"):
        simple_matches(pair.x, pair.y, 0.6, within=Match.of([0, 1, 2], []))


def test_matches_are_closed_under_union() -> None:
    pair = graded_pair(4, 300, 12)
    simple = simple_matches(pair.x, pair.y, 0.6).matches
    for one, other in itertools.combinations(simple, 2):
        union = one.match | other.match
        assert simple_matches(pair.x, pair.y, 0.6, within=union).whole == union


def test_independent_pairs_of_equal_neurons_are_the_simple_matches() -> None:
    rng = np.random.default_rng(0)
    features = np.linalg.qr(rng.standard_normal((40, 6)))[0]
    x, y = features[:, :5], features[:, 1:] * [2.0, 1.0, -1.0, 1e3, 1e-3]
    found = simple_matches(x, y, 0.0)
    assert [as_sets(one.match) for one in found.matches] == [
        (frozenset({i}), frozenset({i - 1})) for i in range(1, 5)
    ]
    assert found.complete
    assert found.unique_share == 1.0
    assert found.of("x", 0) is None
    assert found.sizes[0].tolist() == [0, 2, 2, 2, 2]
    rows = json.loads(json.dumps(found.rows()))
    assert (rows[0]["x"], rows[0]["y"], rows[0]["minimum_for_x"]) == ([1], [0], [1])


def test_exact_matches_are_found_through_the_factor() -> None:
    # Two hidden subspaces, each seen through its own mixture in both layers.
    rng = np.random.default_rng(1)
    blocks = [rng.standard_normal((200, 3)), rng.standard_normal((200, 2))]
    x = np.concatenate([b @ rng.standard_normal((b.shape[1],) * 2) for b in blocks], axis=1)
    y = np.concatenate([b @ rng.standard_normal((b.shape[1],) * 2) for b in blocks], axis=1)
    x = np.concatenate((x, rng.standard_normal((200, 2))), axis=1)
    found = simple_matches(x, y, 0.0)
    assert found.method == "factor"
    assert [as_sets(one.match) for one in found.matches] == [
        (frozenset({3, 4}), frozenset({3, 4})),
        (frozenset({0, 1, 2}), frozenset({0, 1, 2})),
    ]
    assert found.complete


def test_nothing_matches_nothing() -> None:
    found = simple_matches(np.eye(4)[:, :2], np.eye(4)[:, 2:], 0.5)
    assert len(found) == 0
    assert found.decomposition() == ()
    assert np.isnan(found.unique_share)
    with pytest.raises(InputError, match="Got none: pass eps"):
        simple_matches(np.eye(2), np.eye(2))
