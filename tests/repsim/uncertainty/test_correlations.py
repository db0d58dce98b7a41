"""Correlations: the values of SciPy, and p-values that a few points can have."""

import math

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from repsim.errors import InputError
from repsim.uncertainty import correlation


@pytest.mark.parametrize("points", [4, 7, 8, 40])
def test_values_are_those_of_scipy(points):
    rng = np.random.default_rng(points)
    x, y = rng.normal(size=points), rng.integers(0, 3, size=points).astype(float)
    assert correlation(x, y, "pearson").value == pytest.approx(pearsonr(x, y).statistic)
    assert correlation(x, y, "spearman").value == pytest.approx(spearmanr(x, y).statistic)


def test_p_values_are_near_the_formula_where_that_holds():
    rng = np.random.default_rng(0)
    x = rng.normal(size=60)
    y = 0.3 * x + rng.normal(size=60)
    for kind, expected in (("pearson", pearsonr(x, y)), ("spearman", spearmanr(x, y))):
        assert correlation(x, y, kind).p_value == pytest.approx(expected.pvalue, abs=0.01)


@pytest.mark.parametrize("points", [3, 4, 5, 7])
def test_a_perfect_order_of_few_points_has_the_p_of_its_permutations(points):
    x = np.arange(points, dtype=float)
    for y in (x**3, -(x**3)):
        found = correlation(x, y, "spearman")
        assert abs(found.value) == pytest.approx(1.0)
        assert found.p_value == pytest.approx(2 / math.factorial(points))
        assert found.permutations == math.factorial(points) - 1


def test_p_values_are_about_uniform_without_a_relation():
    rng = np.random.default_rng(1)
    p = np.array([correlation(*rng.normal(size=(2, 6)), "spearman").p_value for _ in range(300)])
    for level in (0.1, 0.5):
        assert (p <= level).mean() <= level + 3 * np.sqrt(level * (1 - level) / 300)
    assert (p <= 0.5).mean() > 0.35


def test_what_does_not_vary_has_no_correlation():
    x = np.arange(4.0)
    assert correlation(x, np.full(4, 0.7), "pearson") is None
    assert correlation(x[:2], x[:2], "spearman") is None


def test_a_value_that_is_not_finite_is_refused():
    x = np.arange(4.0)
    with pytest.raises(InputError, match=r"as many finite values.* with 0 and 1"):
        correlation(x, np.where(x == 2, np.nan, x), "pearson")
