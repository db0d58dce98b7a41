"""PWCCA against the paper's definition on the samples, and google/svcca's algorithm."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.errors import CautionWarning, InputError
from repsim.measures import cca, linear_regression, pwcca
from repsim.moments import Moments
from repsim.moments.principal import principal
from tests import references_measures as literal
from tests.repsim.matching.instances import relu_pair

SEEDS = st.integers(0, 10**6)


def pair(seed, p=5, q=7, samples=80):
    found = relu_pair(seed, samples, p, q, shared=6, noise=1.0)
    return found.x + 0.1, found.y


@given(seed=SEEDS, p=st.integers(1, 8), q=st.integers(1, 8))
@settings(deadline=None, max_examples=40)
def test_it_is_the_papers(seed, p, q):
    x, y = pair(seed, p, q)
    by_x, by_y = literal.pwcca(x, y), literal.pwcca(y, x)
    assert pwcca(x, y) == pytest.approx(by_x, rel=1e-8)
    assert pwcca(x, y, weights="y") == pytest.approx(by_y, rel=1e-8)
    assert pwcca(x, y, weights="both") == pytest.approx((by_x + by_y) / 2, rel=1e-8)


def test_dependent_neurons_weigh_but_have_no_variates():
    """A copy of a neuron doubles its part in the weights; the spans are the same."""
    x, y = pair(0)
    with_copies = np.hstack([x, x[:, :2]])
    centred = literal.centre(x)
    doubled = np.hstack([centred, centred[:, :2]])
    found = principal(Moments.from_arrays(x, y), centred=True)
    basis = literal.basis(centred)
    left, rho, _ = np.linalg.svd(basis.T @ literal.basis(literal.centre(y)), full_matrices=False)
    alpha = np.abs((basis @ left).T @ doubled).sum(axis=1)
    assert found.x.rank == 5
    with pytest.warns(CautionWarning, match="2 of 7 live neurons of X"):
        assert pwcca(with_copies, y) == pytest.approx(alpha @ rho / alpha.sum(), rel=1e-8)


def test_squares_would_make_it_regression():
    """Kornblith et al. 2019, section 3: weights by squares and squared correlations give R²."""
    x, y = pair(0)
    found = principal(Moments.from_arrays(x, y), centred=True)
    weights = np.sum(found.projections_x**2, axis=1)
    squared = weights @ found.correlations**2 / found.x.trace
    assert squared == pytest.approx(linear_regression(x, y, direction="y->x"), rel=1e-9)


def test_directions_that_hold_the_variance_decide():
    generator = np.random.default_rng(0)
    shared, own = generator.normal(size=(400, 1)), generator.normal(size=(2, 400, 9))
    x, y = np.hstack([shared, 0.01 * own[0]]), np.hstack([shared, 0.01 * own[1]])
    assert cca(x, y) < 0.3
    assert pwcca(x, y) > 0.8


@given(seed=SEEDS, q=st.integers(5, 8))
@settings(deadline=None, max_examples=40)
def test_google_is_reproduced_up_to_signs(seed, q):
    """Its value is one of those that the signs of the singular vectors allow, within rounding."""
    x, y = pair(seed, 5, q)
    u, rho = literal.google_cca(x, y)
    means = x.mean(axis=0)
    possible = []
    for signs in itertools.product([-1, 1], repeat=5):
        basis, _ = np.linalg.qr((x - means) @ (u * signs) + means)
        alpha = np.abs(basis.T @ x).sum(axis=1)
        possible.append(alpha @ rho / alpha.sum())
    got = pwcca(x, y, compat="google/svcca")
    assert np.min(np.abs(np.array(possible) - got)) < 1e-8
    assert np.min(np.abs(np.array(possible) - literal.google_pwcca(x, y))) < 1e-8


def test_google_without_means_has_no_signs():
    x, y = (literal.centre(z) for z in pair(0))
    expected = literal.google_pwcca(x, y)
    assert pwcca(x, y, compat="google/svcca") == pytest.approx(expected, rel=1e-9)
    assert expected != pytest.approx(pwcca(x, y), rel=1e-3)


def test_google_fails_for_a_wider_x_and_so_does_its_copy():
    x, y = pair(0)
    with pytest.raises(InputError, match="Got 7 and 5 neurons"):
        pwcca(y, x, compat="google/svcca")
