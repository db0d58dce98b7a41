"""Factorisations are right whichever way they take, also where LAPACK's fast one gives up."""

import numpy as np
import pytest
from scipy import linalg

from repsim.moments.factorisations import (
    cosine_vectors,
    cosines,
    eigenvectors,
    singular_values,
    triangular_factor,
)


def between(values, m, n, seed=0):
    """A matrix with these singular values."""
    generator = np.random.default_rng(seed)
    left = np.linalg.qr(generator.normal(size=(m, m)))[0][:, : len(values)]
    right = np.linalg.qr(generator.normal(size=(n, n)))[0][:, : len(values)]
    return (left * values) @ right.T


SPECTRA = {
    "mild": [0.9, 0.5, 0.1, 1e-3],
    "equal": [1.0, 1.0, 0.5, 0.5],
    "at the edge": [1.0, 0.5, 2e-5, 1.1e-5],
    "graded": [1.0, 1e-3, 1e-6, 1e-9],
    "deficient": [0.8, 0.3, 0.0, 0.0],
    "none": [0.0, 0.0, 0.0, 0.0],
}


@pytest.mark.parametrize("spectrum", SPECTRA.values(), ids=SPECTRA)
@pytest.mark.parametrize(("m", "n"), [(4, 4), (4, 7), (7, 4)])
def test_cosines_and_their_vectors_are_those_of_the_singular_values(spectrum, m, n):
    matrix = between(spectrum, m, n)
    np.testing.assert_allclose(cosines(matrix), spectrum, atol=2e-11)
    np.testing.assert_allclose(singular_values(matrix), spectrum, atol=1e-15)
    left, values, right = cosine_vectors(matrix)
    assert left.shape == (m, 4)
    assert right.shape == (n, 4)
    np.testing.assert_allclose(values, spectrum, atol=2e-11)
    np.testing.assert_allclose((left * values) @ right.T, matrix, atol=1e-11)
    np.testing.assert_allclose(left.T @ left, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(right.T @ right, np.eye(4), atol=1e-9)


def test_no_cosine_is_above_one():
    matrix = between([1.0, 1.0, 0.3], 3, 3) * (1 + 1e-13)
    assert cosines(matrix).max() == cosine_vectors(matrix)[1].max() == 1.0


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_empty_matrices_have_no_singular_values(shape):
    empty = np.zeros(shape)
    assert cosines(empty).shape == singular_values(empty).shape == (0,)
    left, values, right = cosine_vectors(empty)
    assert (left.shape, values.shape, right.shape) == ((shape[0], 0), (0,), (shape[1], 0))


@pytest.fixture
def stubborn(monkeypatch):
    """LAPACK's divide and conquer fails, as it does for some matrices on some builds."""
    used = []

    def failing(function, fast, name):
        def instead(*args, **options):
            if options.get(name, fast) == fast:
                raise linalg.LinAlgError("did not converge")
            used.append(options[name])
            return function(*args, **options)

        return instead

    monkeypatch.setattr(linalg, "svd", failing(linalg.svd, "gesdd", "lapack_driver"))
    monkeypatch.setattr(linalg, "eigh", failing(linalg.eigh, "evd", "driver"))
    return used


def test_where_the_fast_algorithm_fails_the_slow_one_answers(stubborn):
    matrix = between(SPECTRA["graded"], 4, 6)
    np.testing.assert_allclose(singular_values(matrix), SPECTRA["graded"], atol=1e-15)
    left, values, right = cosine_vectors(matrix)
    np.testing.assert_allclose((left * values) @ right.T, matrix, atol=1e-14)
    values, vectors = eigenvectors(matrix @ matrix.T)
    np.testing.assert_allclose((vectors * values) @ vectors.T, matrix @ matrix.T, atol=1e-14)
    assert set(stubborn) == {"gesvd", "ev"}


@pytest.mark.parametrize("dependent", [0, 1, 3])
@pytest.mark.parametrize("closeness", [1.0, 1e-3, 1e-4])
def test_a_triangular_factor_has_the_inner_products(dependent, closeness):
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(30, 5))
    vectors[:, 1] = vectors[:, 0] + closeness * vectors[:, 1]
    vectors = np.hstack([vectors, vectors @ generator.normal(size=(5, dependent))])
    vectors /= np.linalg.norm(vectors, axis=0)
    products = vectors.T @ vectors
    factor, order = triangular_factor(products, 1e-10)
    assert factor.shape == (5, 5 + dependent)
    assert sorted(order) == list(range(5 + dependent))
    assert np.allclose(factor, np.triu(factor))
    np.testing.assert_allclose(factor.T @ factor, products[np.ix_(order, order)], atol=1e-10)


def test_the_rank_does_not_depend_on_the_order_of_the_vectors():
    """Also near the tolerance, where vectors are chosen by their distance."""
    generator = np.random.default_rng(0)
    for closeness in np.geomspace(1e-6, 1e-3, 13):
        vectors = generator.normal(size=(30, 6))
        vectors[:, 1] = vectors[:, 0] + closeness * vectors[:, 1]
        vectors /= np.linalg.norm(vectors, axis=0)
        ranks = set()
        for _ in range(10):
            order = generator.permutation(6)
            products = vectors[:, order].T @ vectors[:, order]
            ranks.add(len(triangular_factor(products, 1e-10)[0]))
        assert len(ranks) == 1
