"""Linear regression against a least squares fit of each neuron."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.errors import CautionWarning, InputError
from repsim.measures import linear_regression
from tests import references_measures as literal
from tests.repsim.matching.instances import relu_pair


@given(seed=st.integers(0, 10**6), p=st.integers(1, 8), q=st.integers(1, 8))
@settings(deadline=None, max_examples=40)
def test_it_is_the_explained_share_of_all_neurons_together(seed, p, q):
    found = relu_pair(seed, 60, p, q, shared=6, noise=1.0)
    x, y = found.x, found.y
    forward = linear_regression(x, y)
    assert forward == pytest.approx(literal.r_squared(x, y), rel=1e-8, abs=1e-10)
    back = linear_regression(x, y, direction="y->x")
    assert back == pytest.approx(literal.r_squared(y, x), rel=1e-8, abs=1e-10)
    assert linear_regression(y, x) == pytest.approx(back, rel=1e-12)


def test_without_an_intercept_the_means_are_predicted_too():
    found = relu_pair(0, 60, 4, 5, shared=3, noise=1.0)
    fitted = found.x @ np.linalg.lstsq(found.x, found.y, rcond=None)[0]
    expected = 1 - np.sum((found.y - fitted) ** 2) / np.sum(found.y**2)
    assert linear_regression(found.x, found.y, centred=False) == pytest.approx(expected)


def test_unrelated_layers_get_the_documented_floor():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(1000, 40)), generator.normal(size=(1000, 300))
    assert linear_regression(x, y) == pytest.approx(40 / 1000, rel=0.05)
    assert linear_regression(x, y, direction="y->x") == pytest.approx(300 / 1000, rel=0.05)


def test_only_the_predictors_must_be_fewer_than_the_samples():
    generator = np.random.default_rng(0)
    wide, narrow = generator.normal(size=(20, 30)), generator.normal(size=(20, 3))
    with pytest.warns(CautionWarning, match="look alike with 30 live neurons and 20 samples"):
        assert linear_regression(narrow, wide) < 0.5
    with pytest.raises(InputError, match="Got 30 of X and 20 samples"):
        linear_regression(wide, narrow)
    with pytest.raises(InputError, match="Got 30 of Y and 20 samples"):
        linear_regression(narrow, wide, direction="y->x")
