"""Ill-conditioned layers, tiny ε and extreme scales: right, or said to be uncertain."""

import numpy as np
import pytest
from hypothesis import given, settings

from repsim.errors import InputError
from repsim.matching import match_profile
from repsim.moments import Factor, Moments
from tests.references import literal_maximum_match
from tests.repsim.matching.instances import Pair, epsilons_between, graded_pair, pairs, relu_pair


def critical(profile) -> np.ndarray:
    return np.concatenate((profile.critical_x, profile.critical_y))


def uncertainty(profile) -> np.ndarray:
    return np.concatenate((profile.uncertainty_x, profile.uncertainty_y))


@given(pair=pairs())
@settings(deadline=None)
def test_moments_and_factor_agree_within_their_uncertainty(pair: Pair) -> None:
    coarse = match_profile(pair.x, pair.y, via="moments")
    fine = match_profile(pair.x, pair.y, via="factor")
    assert coarse.dead_x.tolist() == fine.dead_x.tolist()
    allowed = uncertainty(coarse) + uncertainty(fine) + 1e-6 * (critical(fine) == 0)
    assert (np.abs(critical(coarse) - critical(fine))[~np.isnan(allowed)] <= allowed[
        ~np.isnan(allowed)
    ]).all()  # fmt: skip


def test_well_conditioned_layers_need_only_the_moments() -> None:
    pair = relu_pair(0, 500, 12, 12, shared=8, noise=0.4)
    profile = match_profile(pair.x, pair.y)
    assert profile.method == "moments"
    assert profile.caution == ""
    assert (uncertainty(profile) < 1e-9).all()


def test_nearly_parallel_neurons_are_told_apart_by_the_factor() -> None:
    # e2 lies in span(Y) through a difference of 1e-9, which the second moment cannot hold.
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((50, 2)))[0]
    x, y = basis, basis @ [[1.0, 1.0], [0.0, 1e-9]]
    profile = match_profile(x, y)
    assert profile.method == "factor"
    assert profile.rank_y == 2
    assert profile.similarity(1e-3) == 1.0
    assert literal_maximum_match(x, y, 1e-3) == (frozenset({0, 1}), frozenset({0, 1}))
    assert profile.caution == ""
    coarse = match_profile(x, y, via="moments")
    assert coarse.rank_y == 1
    assert "1 of the neurons lie within" in coarse.caution


@pytest.mark.parametrize("difference", [1e-2, 1e-4, 1e-6, 1e-8])
def test_layers_of_nearly_equal_neurons_equal_the_literal_algorithm(difference: float) -> None:
    # Each removal of a twin cancels most digits of what is kept about the other.
    rng = np.random.default_rng(0)
    pair = graded_pair(0, 300, 20)
    x, y = (
        np.concatenate((a, a + difference * rng.standard_normal(a.shape)), axis=1)
        for a in (pair.x, pair.y)
    )
    profile = match_profile(x, y)
    assert (profile.rank_x, profile.rank_y) == (40, 40)
    for eps in epsilons_between(critical(profile), margin=1e-5):
        match = profile.maximum_match(eps)
        assert (set(match.x), set(match.y)) == literal_maximum_match(x, y, eps)


@pytest.mark.parametrize("noise", [1e-4, 1e-6, 1e-9])
def test_tiny_distances_are_resolved(noise: float) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 6))
    y = x @ rng.standard_normal((6, 6)) + noise * rng.standard_normal((400, 6))
    profile = match_profile(x, y)
    assert (uncertainty(profile) < 1e-3 * critical(profile)).all()
    for eps in epsilons_between(critical(profile) / noise, margin=1e-3):
        if eps * noise < critical(profile).max():
            match = profile.maximum_match(eps * noise)
            expected = literal_maximum_match(x, y, eps * noise)
            assert (set(match.x), set(match.y)) == expected


def test_exact_matches_need_no_epsilon() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 10))
    y = np.concatenate((x[:, :6] @ rng.standard_normal((6, 6)), rng.standard_normal((300, 3))), 1)
    match = match_profile(x, y).maximum_match(0.0)
    assert match.x.tolist() == list(range(6))
    assert match.y.tolist() == list(range(6))


@pytest.mark.parametrize("via", ["auto", "moments", "factor"])
def test_scales_of_twelve_orders_of_magnitude_do_not_matter(via: str) -> None:
    rng = np.random.default_rng(1)
    pair = relu_pair(1, 400, 10, 8, shared=6, noise=0.4)
    plain = match_profile(pair.x, pair.y, via=via)
    scaled = match_profile(
        pair.x * 10.0 ** rng.uniform(-6, 6, 10), pair.y * 10.0 ** rng.uniform(-6, 6, 8), via=via
    )
    np.testing.assert_allclose(critical(scaled), critical(plain), atol=1e-9)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_narrow_inputs_mean_what_they_hold(dtype: str) -> None:
    pair = relu_pair(2, 500, 9, 9, shared=6, noise=0.4)
    x, y = pair.x.astype(dtype), pair.y.astype(dtype)
    wide = match_profile(x.astype(np.float64), y.astype(np.float64))
    assert np.array_equal(critical(match_profile(x, y)), critical(wide))


@pytest.mark.parametrize("offset", [1e4, 1e8])
@pytest.mark.parametrize("via", ["moments", "factor"])
def test_centring_far_from_zero_keeps_the_digits(offset: float, via: str) -> None:
    rng = np.random.default_rng(3)
    pair = relu_pair(3, 1000, 6, 6, shared=5, noise=0.4)
    shifted = pair.x + offset * (1 + rng.random(6))
    # What float64 holds of the deviations is what counts.
    expected = match_profile(shifted - shifted.mean(0), pair.y - pair.y.mean(0))
    found = match_profile(shifted, pair.y, centred=True, via=via)
    np.testing.assert_allclose(critical(found), critical(expected), atol=1e-16 * offset + 1e-9)
    assert uncertainty(found).max() < 1e-7
    assert match_profile(shifted, pair.y, centred=True).method == "moments"


def test_a_nearly_constant_neuron_is_dead_only_if_its_deviation_is_rounding() -> None:
    pair = relu_pair(3, 1000, 4, 4, shared=4, noise=0.4)
    x = pair.x.copy()
    x[:, 0] = 1e8 + pair.x[:, 0]
    x[:, 1] = 0.1
    assert match_profile(x, pair.y, centred=True).dead_x.tolist() == [1]


def test_factor_merges_like_moments() -> None:
    pair = relu_pair(5, 300, 7, 5, shared=4, noise=0.4)
    whole = Factor.from_arrays(pair.x, pair.y)
    parts = [Factor.from_arrays(pair.x[a : a + 90], pair.y[a : a + 90]) for a in range(0, 300, 90)]
    merged = sum(parts[::-1], start=Factor.zeros(7, 5)).update(pair.x[:3], pair.y[:3])
    again = Factor.from_arrays(
        np.concatenate((pair.x, pair.x[:3])), np.concatenate((pair.y, pair.y[:3])), block_size=11
    )
    assert merged.count == again.count == 303
    np.testing.assert_allclose(merged.r.T @ merged.r, again.r.T @ again.r, atol=1e-9)
    both = np.concatenate((np.ones((300, 1)), pair.x, pair.y), axis=1)
    np.testing.assert_allclose(whole.r.T @ whole.r, both.T @ both, atol=1e-9)
    assert np.array_equal(whole.r, np.triu(whole.r))
    assert np.array_equal(Factor.from_mapping(whole.arrays()).r, whole.r)
    profile = match_profile(whole)
    assert profile.method == "factor"
    np.testing.assert_allclose(
        critical(profile), critical(match_profile(pair.x, pair.y)), atol=1e-9
    )


def test_factor_refuses_what_it_cannot_use() -> None:
    x, y = np.ones((4, 2)), np.ones((4, 3))
    with pytest.raises(InputError, match="Got nan in X at sample 2, neuron 1"):
        Factor.from_arrays(np.where(np.arange(8).reshape(4, 2) == 5, np.nan, x), y)
    with pytest.raises(InputError, match=r"Got 2 \+ 3 neurons and 3 \+ 2"):
        Factor.from_arrays(x, y) + Factor.from_arrays(y, x)
    with pytest.raises(InputError, match="Got no origin_x_shift"):
        Factor.from_mapping({"count": np.array(1)})
    with pytest.raises(InputError, match="non-finite"):
        Factor.from_mapping({**Factor.zeros(1, 1).arrays(), "r": np.full((3, 3), np.nan)})
    with pytest.raises(InputError, match=r"Expected r of shape \(3, 3\)"):
        Factor.from_mapping({**Factor.zeros(1, 1).arrays(), "r": np.ones((2, 2))})
    with pytest.raises(InputError, match="at least one sample"):
        match_profile(Factor.zeros(2, 3))


@pytest.mark.usefixtures("unchecked_shapes")
def test_via_must_fit_what_is_given() -> None:
    pair = relu_pair(0, 20, 2, 2, shared=2, noise=0.4)
    with pytest.raises(InputError, match=r'for via="factor"\. Got moments'):
        match_profile(Moments.from_arrays(pair.x, pair.y), via="factor")
    with pytest.raises(InputError, match="Got factor and Y"):
        match_profile(Factor.from_arrays(pair.x, pair.y), pair.y)
    with pytest.raises(InputError, match="Did you mean 'factor'"):
        match_profile(pair.x, pair.y, via="factors")  # type: ignore[arg-type]
