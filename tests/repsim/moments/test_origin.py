"""Offsets and units take no digits: of arrays, of streams, of merged parts, of groups."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.errors import CautionWarning
from repsim.matching import match_profile
from repsim.measures import (
    bures,
    cca,
    cka,
    linear_regression,
    mutual_knn,
    procrustes,
    pwcca,
    rbf_cka,
    rsa,
    subspace_overlap,
    svcca,
)
from repsim.moments import Factor, Moments, Resamples, UnitOrder, Units
from repsim.origin import Origin
from tests.references_moments import assert_moments_equal

CENTRED = [bures, cca, cka, linear_regression, procrustes, pwcca, subspace_overlap, svcca]


def debiased(x, y=None):
    return cka(x, y, debiased=True)


def layers(samples: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(samples, 5))
    return x, x @ rng.normal(size=(5, 4)) + rng.normal(size=(samples, 4))


def about_means(x: np.ndarray) -> np.ndarray:
    """In float64, of what the numbers are after they were rounded far from zero."""
    return x - x.mean(axis=0)


@pytest.mark.parametrize("measure", [*CENTRED, debiased])
@pytest.mark.parametrize("offset", [1e4, 1e8, -1e10])
def test_values_do_not_depend_on_the_mean(measure, offset) -> None:
    x, y = layers()
    rng = np.random.default_rng(1)
    far_x, far_y = x + offset * rng.random(5), y + offset
    expected = measure(about_means(far_x), about_means(far_y))
    assert measure(far_x, far_y) == pytest.approx(expected, rel=1e-7)
    blocks = Moments.zeros(5, 4)
    for start in range(0, 3000, 700):
        blocks = blocks.update(far_x[start : start + 700], far_y[start : start + 700])
    assert measure(blocks) == pytest.approx(expected, rel=1e-7)
    parts = [Moments.from_arrays(far_x[a : a + 1500], far_y[a : a + 1500]) for a in (1500, 0)]
    assert measure(parts[0] + parts[1]) == pytest.approx(expected, rel=1e-7)
    rows = Moments.zeros(5, 4)
    for row in range(200):
        rows = rows.update(far_x[row : row + 1], far_y[row : row + 1])
    assert measure(rows) == pytest.approx(measure(far_x[:200], far_y[:200]), rel=1e-6)


@pytest.mark.parametrize("measure", [*CENTRED, debiased])
def test_replicates_do_not_depend_on_the_mean(measure) -> None:
    x, y = layers(600)
    order = UnitOrder.drawn(Units.of_length(600, 1), groups=6, seed=0, labels=np.arange(600) % 3)
    near, far = (
        Resamples.from_arrays(x + offset, y - offset, order, permutations=2)
        for offset in (0.0, 2.0**24)
    )
    for replicate in (
        lambda resamples: resamples.without(2),
        lambda resamples: resamples.drawn([0, 0, 4]),
        lambda resamples: resamples.null(1),
        lambda resamples: resamples.null_within(1),
    ):
        # Offsets are powers of two, so few digits of the numbers themselves are lost.
        assert measure(replicate(far)) == pytest.approx(measure(replicate(near)), abs=1e-6)


@pytest.mark.parametrize("measure", [cka, debiased])
def test_one_constant_neuron_changes_nothing(measure) -> None:
    x, y = layers()
    with_constant = np.c_[x, np.full(len(x), 3e4)]
    assert measure(with_constant, y) == pytest.approx(measure(x, y), rel=1e-12)


@pytest.mark.parametrize("measure", [*CENTRED, debiased])
@pytest.mark.parametrize("scale", [1e-90, 1e-140, 1e120, 1e160])
def test_values_do_not_depend_on_the_unit(measure, scale) -> None:
    x, y = layers(400)
    assert measure(x * scale, y / scale) == pytest.approx(measure(x, y), rel=1e-9)
    merged = Moments.from_arrays(x[:200] * scale, y[:200]) + Moments.from_arrays(
        x[200:] * scale, y[200:]
    )
    assert measure(merged) == pytest.approx(measure(x, y), rel=1e-9)


def test_sizes_come_back_in_the_unit_that_was_given() -> None:
    x, y = layers(400)
    plain = procrustes(x, y, form="size and shape")
    scaled = procrustes(x * 1e-60, y * 1e-60, form="size and shape")
    assert scaled == pytest.approx(1e-60 * plain, rel=1e-9)


@given(
    cuts=st.lists(st.integers(1, 59), max_size=4),
    order=st.randoms(use_true_random=False),
    offset=st.sampled_from([0.0, 3.0, 1e3, 1e6]),
)
@settings(deadline=None, max_examples=40)
def test_merges_move_the_origin_exactly(cuts, order, offset) -> None:
    x, y = (layer + offset for layer in layers(60))
    edges = [0, *sorted(set(cuts)), 60]
    spans = list(pairwise(edges))
    order.shuffle(spans)
    parts = [Moments.from_arrays(x[a:b], y[a:b]) for a, b in spans]
    merged = sum(parts, start=Moments.zeros(5, 4))
    assert_moments_equal(merged, Moments.from_arrays(x, y), rtol=1e-12, atol=1e-12)
    factors = [Factor.from_arrays(x[a:b], y[a:b]) for a, b in spans]
    factor = sum(factors, start=Factor.zeros(5, 4))
    both = np.hstack((x, y))
    for centred, layer in ((False, both), (True, both - both.mean(axis=0))):
        vectors = factor.neurons(centred=centred)
        np.testing.assert_allclose(
            vectors.T @ vectors, layer.T @ layer, rtol=1e-12, atol=1e-9 * (1 + offset)
        )


def test_neurons_near_zero_have_no_shift() -> None:
    x, _ = layers()
    assert not Origin.of(np.maximum(x, 0)).moved
    assert Origin.of(np.maximum(x, 0)).scale == 1.0
    assert Moments.from_arrays(x, x).raw() is not None
    moments = Moments.from_arrays(x, x)
    assert moments.raw() is moments


def test_a_number_that_is_not_finite_is_left_to_the_sums() -> None:
    assert not Origin.of(np.array([[1.0], [np.nan]])).moved


def test_numbers_rounded_too_far_from_zero_come_with_a_caution() -> None:
    x, y = layers()
    near = (x + 100).astype(np.float32)
    cka(near, y)
    for coarse in ((x + 1e7).astype(np.float32), (x + 1000).astype(np.float16)):
        with pytest.warns(CautionWarning, match="5 neurons of X: so far from zero that"):
            cka(coarse, y)


def test_uncentred_values_keep_their_digits_with_a_shift() -> None:
    x, y = (layer + 50 for layer in layers())
    exact = np.linalg.norm(x.T @ y) ** 2
    assert np.sum(Moments.from_arrays(x, y).raw().xy ** 2) == pytest.approx(exact, rel=1e-13)
    assert cca(x, y, centred=False) == pytest.approx(
        np.mean(np.linalg.svd(np.linalg.qr(x)[0].T @ np.linalg.qr(y)[0], compute_uv=False))
    )


def test_that_numbers_are_coarse_survives_merges_and_stores() -> None:
    x, y = layers()
    coarse = (x + 1000).astype(np.float16)
    merged = Moments.from_arrays(x[:10], y[:10]) + Moments.from_arrays(coarse[10:], y[10:])
    assert Moments.from_mapping(merged.arrays()).origin_x.coarse == 5
    factor = Factor.from_arrays(x[:10], y[:10]) + Factor.from_arrays(coarse[10:], y[10:])
    assert Factor.from_mapping(factor.arrays()).origins[0].coarse == 5
    for source in (merged, factor):
        assert "5 neurons of X" in match_profile(source, centred=True).caution
    for measure in (rsa, rbf_cka, mutual_knn):
        with pytest.warns(CautionWarning, match="5 neurons of X"):
            measure(coarse[:200], y[:200])
    with pytest.warns(CautionWarning, match="neurons of X"):
        cka(np.rint(x * 100).astype(np.int64) + 2**60, y)


def test_a_sample_far_above_all_others_is_a_caution_of_the_debiased_estimate() -> None:
    x, y = layers(200)
    x[0] = 1e8
    rows = Moments.zeros(5, 4)
    for row in range(200):
        rows = rows.update(x[row : row + 1], y[row : row + 1])
    with pytest.warns(CautionWarning, match="The value may be off by about"):
        cka(rows, debiased=True)


def test_directions_that_are_left_out_are_named() -> None:
    """A shared jump of 1e7 leaves neurons no digits of what they do not share."""
    x, y = layers(6000)
    jump = np.where(np.arange(6000) < 1100, 0.0, 1e7)[:, None]
    with pytest.warns(CautionWarning, match=r"live neurons of X and \d of 4 live neurons of Y lie"):
        cca(x + jump, y + jump)
