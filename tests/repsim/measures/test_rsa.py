"""RSA against distances by scipy, and what its words promise."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.errors import CautionWarning, InputError, StudyError
from repsim.examples import ExampleGram, ExamplePair
from repsim.measures.rsa import Options, rsa
from tests.references_examples import DISTANCES, literal_rsa

CONVENTIONS = list(itertools.product(DISTANCES, ("pearson", "spearman")))


def arrays(seed, n=20, p=4, q=6):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, p)) + generator.normal(size=p)
    return x, x @ generator.normal(size=(p, q)) + generator.normal(size=(n, q))


@pytest.mark.parametrize(("distance", "comparison"), CONVENTIONS)
@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), n=st.integers(3, 30))
def test_it_is_the_correlation_of_the_distances(distance, comparison, seed, n):
    x, y = arrays(seed, n=n)
    expected = literal_rsa(x, y, distance, comparison)
    assert rsa(x, y, distance=distance, comparison=comparison) == pytest.approx(expected, abs=1e-9)


def test_equal_distances_share_their_rank():
    x = np.array([[0.0], [1.0], [2.0], [3.0], [5.0]])
    y = np.array([[0.0], [1.0], [3.0], [3.0], [9.0]])
    expected = literal_rsa(x, y, "euclidean", "spearman")
    assert rsa(x, y) == pytest.approx(expected, abs=1e-12)


def test_rounding_breaks_no_tie():
    corners = np.array(list(itertools.product([0.0, 1.0], repeat=4)))
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    assert rsa(corners, corners @ rotation) == pytest.approx(1, abs=1e-12)


def test_layers_without_differences_have_no_value():
    x, y = arrays(0, n=5)
    for layer in (np.ones((5, 2)), np.eye(5)):
        with pytest.warns(CautionWarning, match="Not defined for X: all its distances"):
            assert np.isnan(rsa(layer, y))
    assert rsa(x, y) == rsa(y, x)


@pytest.mark.usefixtures("unchecked_shapes")
def test_too_few_examples_and_options_that_do_not_exist_are_refused():
    x, y = arrays(0)
    with pytest.raises(InputError, match="Expected at least 3 examples"):
        rsa(x[:2], y[:2])
    with pytest.raises(StudyError, match="option 'distance' of measure 'rsa'"):
        rsa(x, y, distance="manhattan")


def test_grams_alone_have_no_correlation_distance():
    gram = ExampleGram(products=np.diag([1.0, 2.0, 3.0]))
    pair = ExamplePair(x=gram, y=gram)
    assert rsa(pair) == pytest.approx(1)
    with pytest.raises(InputError, match="Expected features, to correlate"):
        rsa(pair, distance="correlation")


def test_the_convention_names_every_value():
    options = Options(distance="cosine", comparison="pearson", features="flattened")
    assert options.convention == "rsa[cosine,pearson,flattened]"
