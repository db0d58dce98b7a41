"""Mutual nearest neighbours against brute force, with ties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.errors import InputError
from repsim.measures.mutual_knn import Options, mutual_knn
from tests.references_examples import literal_mutual_knn
from tests.repsim.measures.test_rsa import arrays


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10**6),
    k=st.integers(1, 8),
    distance=st.sampled_from(["cosine", "euclidean"]),
)
def test_it_is_the_share_of_common_neighbours(seed, k, distance):
    x, y = arrays(seed, n=15)
    expected = literal_mutual_knn(x, y, k, distance)
    assert mutual_knn(x, y, k=k, distance=distance) == pytest.approx(expected, abs=1e-12)


@pytest.mark.filterwarnings("ignore::repsim.errors.CautionWarning")
@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), distance=st.sampled_from(["cosine", "euclidean"]))
def test_examples_that_are_as_near_count_in_part(seed, distance):
    x, y = np.random.default_rng(seed).integers(0, 3, size=(2, 12, 2)).astype(float)
    expected = literal_mutual_knn(x, y, 3, distance)
    assert mutual_knn(x, y, k=3, distance=distance) == pytest.approx(expected, abs=1e-12)


def test_unrelated_layers_share_as_many_as_chance_gives():
    x, y = np.random.default_rng(0).normal(size=(2, 400, 10))
    assert mutual_knn(x, y, k=20) == pytest.approx(20 / 399, abs=0.02)


def test_neighbours_that_are_all_others_say_nothing():
    x, y = arrays(0, n=11)
    assert mutual_knn(x, y, k=9) < 1
    with pytest.raises(InputError, match=r"Expected more than 11 examples .* Got 11"):
        mutual_knn(x, y, k=10)


def test_the_convention_names_every_value():
    assert Options(k=5).convention == "mutual_knn[k=5,cosine,averaged]"
