"""Alignment among nearest neighbours against its definition, pair by pair."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cosine

from repsim.measures import cka, cknna
from tests.repsim.measures.test_rsa import arrays


def literal_cknna(x, y, k):
    """Huh et al. 2024, appendix A."""
    n = len(x)

    def kernel(a):
        return np.array([[1 - cosine(a[i], a[j]) for j in range(n)] for i in range(n)])

    def near(similarity, i):
        return set(sorted(set(range(n)) - {i}, key=lambda j: -similarity[i, j])[:k])

    def aligned(similar_a, similar_b):
        return sum(
            (similar_a[i, j] - similar_a[i].mean()) * (similar_b[i, j] - similar_b[i].mean())
            for i in range(n)
            for j in near(similar_a, i) & near(similar_b, i)
        )

    a, b = kernel(x), kernel(y)
    return aligned(a, b) / np.sqrt(aligned(a, a) * aligned(b, b))


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), k=st.integers(1, 8))
def test_it_is_what_the_paper_defines(seed, k):
    x, y = arrays(seed, n=15)
    assert cknna(x, y, k=k) == pytest.approx(literal_cknna(x, y, k), abs=1e-9)


def test_it_forgets_far_pairs_that_cka_counts():
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 6))
    noise = 0.5 * random.normal(size=x.shape)
    assert cknna(x, x + noise, k=5) < cka(x, x + noise)
    assert cknna(x, random.normal(size=x.shape), k=5) < 0.1
