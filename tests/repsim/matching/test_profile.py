"""The match profile against the literal algorithm, and against the theory."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.errors import InputError
from repsim.matching import Match, MatchProfile, match_profile
from repsim.moments import Moments
from tests.references import brute_maximum_match, literal_maximum_match
from tests.repsim.matching.instances import (
    Pair,
    epsilons_between,
    graded_pair,
    linear_pair,
    pairs,
    relu_pair,
)


def levels(profile: MatchProfile) -> np.ndarray:
    return np.concatenate((profile.critical_x, profile.critical_y))


def as_sets(match: Match) -> tuple[frozenset[int], frozenset[int]]:
    return frozenset(match.x.tolist()), frozenset(match.y.tolist())


def assert_literal(pair: Pair, profile: MatchProfile) -> None:
    for eps in epsilons_between(levels(profile)):
        expected = literal_maximum_match(pair.x, pair.y, eps)
        assert as_sets(profile.maximum_match(eps)) == expected, eps
        matched = len(expected[0]) + len(expected[1])
        assert profile.similarity(eps) == matched / (profile.p + profile.q)


@given(pair=pairs(), via=st.sampled_from(["auto", "moments", "factor"]))
@settings(deadline=None)
def test_equals_the_literal_algorithm_at_every_epsilon(pair: Pair, via: str) -> None:
    assert_literal(pair, match_profile(pair.x, pair.y, via=via))


@given(pair=pairs(max_width=4, max_samples=8))
@settings(deadline=None, max_examples=20)
def test_is_the_union_of_all_matches(pair: Pair) -> None:
    profile = match_profile(pair.x, pair.y)
    for eps in epsilons_between(levels(profile)):
        assert as_sets(profile.maximum_match(eps)) == brute_maximum_match(pair.x, pair.y, eps)


@pytest.mark.parametrize("via", ["moments", "factor"])
def test_equals_the_literal_algorithm_over_several_factorisations(via: str) -> None:
    graded = graded_pair(0, 400, 80)
    assert_literal(graded, match_profile(graded.x, graded.y, via=via))
    abrupt = relu_pair(1, 400, 90, 70, shared=30, noise=0.4)
    assert_literal(abrupt, match_profile(abrupt.x, abrupt.y, via=via))


@pytest.mark.parametrize("via", ["moments", "factor"])
def test_redundant_neurons_stand_in_for_removed_ones(via: str) -> None:
    # Rank 12 with 40 neurons a side: nearly every removal exchanges a basis vector.
    pair = linear_pair(1, 300, 40, 40, shared=12, noise=0.0)
    mixed = np.random.default_rng(2).standard_normal((300, 8))
    x = np.concatenate((pair.x, mixed, mixed[:, :4]), axis=1)
    y = np.concatenate((pair.y, mixed + 0.3, pair.y[:, :5] + mixed[:, :5]), axis=1)
    profile = match_profile(x, y, via=via)
    assert profile.rank_x == 20
    assert_literal(Pair(x=x, y=y), profile)


@given(pair=pairs())
@settings(deadline=None)
def test_matches_are_nested_in_epsilon(pair: Pair) -> None:
    profile = match_profile(pair.x, pair.y)
    matches = [profile.maximum_match(eps) for eps in np.linspace(0, 0.99, 12)]
    assert all(small <= large for small, large in itertools.pairwise(matches))


@given(pair=pairs())
@settings(deadline=None)
def test_exchanging_the_layers_exchanges_the_profile(pair: Pair) -> None:
    there, back = match_profile(pair.x, pair.y), match_profile(pair.y, pair.x)
    np.testing.assert_allclose(there.critical_x, back.critical_y, atol=1e-6)
    np.testing.assert_allclose(there.critical_y, back.critical_x, atol=1e-6)


@given(pair=pairs(), seed=st.integers(0, 2**16))
@settings(deadline=None)
def test_order_scale_and_sign_of_neurons_and_order_of_samples_do_not_matter(
    pair: Pair, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    profile = match_profile(pair.x, pair.y)
    neurons, samples = rng.permutation(profile.p), rng.permutation(len(pair.x))
    scale = rng.choice([-1, 1], profile.p) * 10.0 ** rng.uniform(-2, 2, profile.p)
    changed = match_profile((pair.x * scale)[samples][:, neurons], pair.y[samples])
    np.testing.assert_allclose(changed.critical_x, profile.critical_x[neurons], atol=1e-6)
    np.testing.assert_allclose(changed.critical_y, profile.critical_y, atol=1e-6)


def test_rotation_of_a_layer_does_matter() -> None:
    pair = relu_pair(0, 200, 6, 6, shared=6, noise=0.5)
    rotation = np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))[0]
    turned = match_profile(pair.x @ rotation, pair.y)
    assert np.abs(turned.critical_x - match_profile(pair.x, pair.y).critical_x).max() > 0.01


@given(pair=pairs())
@settings(deadline=None)
def test_equal_spans_match_exactly(pair: Pair) -> None:
    width = pair.x.shape[1]
    mixing = np.random.default_rng(0).standard_normal((width, width)) + 3 * np.eye(width)
    profile = match_profile(pair.x, pair.x @ mixing)
    dead = len(profile.dead_x) + len(profile.dead_y)
    assert profile.similarity(1e-5) * 2 * width == pytest.approx(2 * width - dead)


def test_more_neurons_than_samples_match_everything() -> None:
    pair = relu_pair(0, 5, 12, 9, shared=8, noise=0.5)
    profile = match_profile(pair.x, pair.y)
    alive = profile.p + profile.q - len(profile.dead_x) - len(profile.dead_y)
    assert profile.similarity(0.0) == alive / (profile.p + profile.q)


def test_duplicates_have_the_same_critical_epsilon() -> None:
    pair = relu_pair(3, 200, 8, 8, shared=5, noise=0.4)
    profile = match_profile(np.concatenate((pair.x, pair.x[:, :3]), axis=1), pair.y)
    assert np.array_equal(profile.critical_x[:3], profile.critical_x[8:])


def test_isomorphic_layers_without_a_match() -> None:
    # Spans that meet only in zero: no match at small ε though a linear map takes X to Y.
    x, y = np.eye(6)[:, :3], np.eye(6)[:, 3:]
    profile = match_profile(x, y)
    assert profile.similarity(0.99) == 0.0
    assert profile.area() == 0.0


def test_dead_neurons_are_outside_the_match_and_inside_the_denominator() -> None:
    x = np.eye(4)[:, :3] * [1.0, 0.0, 1.0]
    profile = match_profile(x, np.eye(4)[:, [0, 2]])
    assert profile.dead_x.tolist() == [1]
    assert np.isnan(profile.critical_x[1])
    assert profile.maximum_match(0.5).x.tolist() == [0, 2]
    assert profile.similarity(0.5) == 4 / 5


@pytest.mark.parametrize("dead_side", ["x", "y", "both"])
def test_a_dead_layer_matches_nothing(dead_side: str) -> None:
    pair = relu_pair(0, 30, 3, 2, shared=3, noise=0.2)
    x = pair.x * (dead_side == "y")
    y = pair.y * (dead_side == "x")
    profile = match_profile(x, y)
    assert profile.similarity(0.9) == 0.0
    assert profile.maximum_match(0.9).size == 0


def test_a_constant_neuron_is_dead_when_centred_and_alive_otherwise() -> None:
    pair = relu_pair(0, 1000, 4, 4, shared=4, noise=0.2)
    x = np.concatenate((pair.x, np.full((1000, 1), 0.1)), axis=1)
    assert match_profile(x, pair.y).dead_x.size == 0
    centred = match_profile(x, pair.y, centred=True)
    assert centred.dead_x.tolist() == [4]
    plain = match_profile(x - x.mean(axis=0), pair.y - pair.y.mean(axis=0))
    np.testing.assert_allclose(centred.critical_y, plain.critical_y, atol=1e-7)


def test_epsilon_is_inclusive() -> None:
    # cos and sin are exact: the distance of both neurons is exactly 0.6.
    profile = match_profile(np.array([[1.0], [0.0]]), np.array([[0.8], [0.6]]))
    limit = float(profile.critical_x[0])
    assert limit == pytest.approx(0.6, abs=1e-12)
    assert profile.maximum_match(limit).size == 2
    assert profile.maximum_match(limit - 1e-9).size == 0
    assert profile.ties(limit).size == 2
    assert profile.ties(0.5).size == 0


def test_similarity_takes_arrays_and_area_is_its_integral() -> None:
    pair = relu_pair(5, 300, 12, 9, shared=6, noise=0.4)
    profile = match_profile(pair.x, pair.y)
    grid = (np.arange(20000) + 0.5) / 20000
    curve = profile.similarity(grid)
    assert curve.shape == grid.shape
    assert profile.area() == pytest.approx(curve.mean(), abs=1e-3)
    assert profile.similarity(grid[:4].reshape(2, 2)).shape == (2, 2)


@pytest.mark.parametrize("eps", [-0.1, 1.0, 1.5, float("nan")])
def test_epsilon_outside_its_domain_is_refused(eps: float) -> None:
    profile = match_profile(np.eye(3), np.eye(3))
    for ask in (profile.similarity, profile.maximum_match, profile.ties):
        with pytest.raises(InputError, match="Expected 0 <= epsilon < 1"):
            ask(eps)


def test_moments_arrays_and_stored_profiles_agree() -> None:
    pair = relu_pair(2, 200, 7, 5, shared=4, noise=0.3)
    profile = match_profile(pair.x, pair.y)
    from_moments = match_profile(Moments.from_arrays(pair.x, pair.y))
    stored = MatchProfile.from_mapping(profile.arrays())
    for other in (from_moments, stored):
        assert np.array_equal(levels(profile), levels(other))
    assert stored.method == profile.method
    assert "7 + 5 neurons" in repr(stored)
    with pytest.raises(InputError, match="Got no critical_y"):
        MatchProfile.from_mapping({k: v for k, v in profile.arrays().items() if k != "critical_y"})


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(InputError, match="Got X alone"):
        match_profile(np.eye(2))
    with pytest.raises(InputError, match="Got moments and Y"):
        match_profile(Moments.zeros(1, 1), np.eye(2))
    with pytest.raises(InputError, match="at least one sample"):
        match_profile(Moments.zeros(1, 1))


def test_uncertainty_covers_the_rounding_of_float32_sums() -> None:
    pair = relu_pair(4, 2000, 20, 20, shared=10, noise=0.3)
    exact = match_profile(pair.x, pair.y)
    assert (exact.uncertainty_x < 1e-9).all()
    order = np.random.default_rng(0).permutation(2000)
    again = match_profile(pair.x[order], pair.y[order])
    assert (np.abs(exact.critical_x - again.critical_x) <= exact.uncertainty_x).all()
