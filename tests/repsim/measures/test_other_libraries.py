"""Measures against SciPy and scikit-learn, which know some of them under other names."""

import numpy as np
import pytest
from scipy.linalg import subspace_angles
from scipy.spatial import procrustes as scipy_procrustes
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from repsim.measures import bures, cca_spectrum, linear_regression, subspace_overlap
from tests.repsim.matching.instances import relu_pair


@pytest.fixture(params=range(5))
def pair(request):
    found = relu_pair(request.param, 200, 6, 8, shared=6, noise=1.0)
    return found.x, found.y


def centred(*layers):
    return [layer - layer.mean(axis=0) for layer in layers]


def test_canonical_correlations_are_cosines_of_subspace_angles(pair):
    angles = subspace_angles(*centred(*pair))
    np.testing.assert_allclose(cca_spectrum(*pair), np.cos(angles)[::-1], atol=1e-10)


def test_subspace_overlap_is_of_the_angles_between_principal_components(pair):
    x, y = (PCA(0.9, svd_solver="full").fit_transform(layer) for layer in pair)
    expected = np.mean(np.cos(subspace_angles(x, y)) ** 2)
    assert subspace_overlap(*pair, variance=0.9) == pytest.approx(expected, rel=1e-9)


def test_regression_is_the_variance_weighted_r_squared(pair):
    x, y = pair
    expected = LinearRegression().fit(x, y).score(x, y)
    each = 1 - np.var(y - LinearRegression().fit(x, y).predict(x), axis=0) / np.var(y, axis=0)
    assert expected == pytest.approx(np.mean(each))
    weighted = np.average(each, weights=np.var(y, axis=0))
    assert linear_regression(x, y) == pytest.approx(weighted, rel=1e-9)


def test_the_disparity_of_scipy_is_what_the_similarity_leaves(pair):
    """SciPy scales one layer as well: the minimum is then 1 - s²."""
    x, y = pair
    disparity = scipy_procrustes(np.pad(x, ((0, 0), (0, 2))), y)[2]
    assert 1 - bures(x, y) ** 2 == pytest.approx(disparity, rel=1e-9)
