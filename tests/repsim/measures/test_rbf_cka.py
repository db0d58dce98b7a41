"""CKA of Gaussian kernels against the literal kernels and the published value."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.errors import CautionWarning, InputError
from repsim.measures.rbf_cka import Options, rbf_cka
from tests.references_examples import literal_alignment, literal_rbf_kernel
from tests.repsim.measures.test_rsa import arrays


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    fraction=st.sampled_from([0.2, 0.5, 1.0, 3.0]),
    diagonal=st.booleans(),
    debiased=st.booleans(),
)
def test_it_is_the_alignment_of_the_kernels(seed, fraction, diagonal, debiased):
    x, y = arrays(seed, n=7)
    kernels = [literal_rbf_kernel(side, fraction, diagonal=diagonal) for side in (x, y)]
    expected = literal_alignment(*kernels, debiased=debiased)
    median = "with diagonal" if diagonal else "without diagonal"
    value = rbf_cka(x, y, fraction=fraction, median=median, debiased=debiased)
    assert value == pytest.approx(expected, abs=1e-9)


def test_the_published_value():
    random = np.random.RandomState(1337)
    x = random.randn(100, 10)
    y = random.randn(100, 10) + x
    assert rbf_cka(x, y, fraction=0.5) == pytest.approx(0.65483, abs=5e-6)
    # The median without the diagonal is larger, if not by much: another convention.
    assert rbf_cka(x, y, fraction=0.5, median="without diagonal") != pytest.approx(
        0.65483, abs=5e-6
    )


def test_a_narrow_kernel_tells_only_equal_from_unequal():
    """With no bias left, unrelated layers get 0; with bias, the narrower the nearer to 1."""
    x, y = np.random.default_rng(0).normal(size=(2, 200, 10))
    assert rbf_cka(x, y, fraction=0.2) > 0.95
    assert abs(rbf_cka(x, y, fraction=0.5, debiased=True)) < 0.05


def test_most_examples_equal_means_no_bandwidth():
    x, y = np.zeros((10, 1)), arrays(0, n=10)[1]
    x[:2] = 1
    for layer in (x, np.ones((10, 2))):
        with pytest.warns(CautionWarning, match="for X: its examples are all equal, or so many"):
            assert np.isnan(rbf_cka(layer, y))


def test_a_debiased_estimate_wants_four_examples():
    x, y = arrays(0, n=3)
    assert 0 <= rbf_cka(x, y) <= 1
    with pytest.raises(InputError, match="Expected at least 4 examples"):
        rbf_cka(x, y, debiased=True)


def test_the_convention_names_every_value():
    assert Options().convention == "rbf_cka[fraction=0.5,median with diagonal,biased,averaged]"
