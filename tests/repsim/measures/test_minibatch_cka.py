"""Minibatch CKA against HSIC₁ as a mean over tuples: sums first, one division."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repsim.errors import CautionWarning, InputError, StudyError
from repsim.examples import example_pair
from repsim.measures.minibatch_cka import Options, minibatch_cka
from tests.references_examples import literal_alignment, literal_minibatch_cka
from tests.repsim.measures.test_rsa import arrays


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), batch=st.sampled_from([4, 6]))
def test_it_is_the_ratio_of_the_sums_over_batches(seed, batch):
    x, y = arrays(seed, n=12)
    expected = literal_minibatch_cka(x, y, batch)
    assert minibatch_cka(x, y, batch=batch) == pytest.approx(expected, abs=1e-9)


def test_it_is_not_the_mean_of_ratios():
    x, y = arrays(0, n=12)
    ratios = [literal_minibatch_cka(x[i : i + 4], y[i : i + 4], 4) for i in (0, 4, 8)]
    assert minibatch_cka(x, y, batch=4) != pytest.approx(np.mean(ratios), abs=1e-2)


def test_with_fewer_examples_it_is_debiased_cka_and_says_so():
    x, y = arrays(0, n=9)
    expected = literal_alignment(x @ x.T, y @ y.T, debiased=True)
    with pytest.warns(CautionWarning, match="asked for with batches of 256"):
        assert minibatch_cka(x, y) == pytest.approx(expected, abs=1e-9)
    caution = Options().caution(example_pair(x, y))
    assert "asked for with batches of 256 examples, but there are 9" in caution
    assert Options(batch=9).caution(example_pair(x, y)) == ""


def test_a_last_batch_counts_by_its_size_and_not_below_four():
    x, y = arrays(0, n=11)
    assert minibatch_cka(x, y, batch=8) == pytest.approx(minibatch_cka(x[:8], y[:8], batch=8))
    x, y = arrays(0, n=13)
    whole, rest = slice(0, 8), slice(8, 13)

    def product(a, b, part):
        return 0.0 if not len(a[part]) else u_product(a[part], b[part])

    sums = {
        name: product(*sides, whole) + product(*sides, rest)
        for name, sides in {"xy": (x, y), "xx": (x, x), "yy": (y, y)}.items()
    }
    expected = sums["xy"] / np.sqrt(sums["xx"] * sums["yy"])
    assert minibatch_cka(x, y, batch=8) == pytest.approx(expected, abs=1e-9)


def u_product(x, y):
    """n (n - 3) HSIC₁, by the formula with traces."""
    k, m = (side @ side.T * (1 - np.eye(len(side))) for side in (x, y))
    n, one = len(x), np.ones(len(x))
    return (
        np.trace(k @ m)
        + (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
        - 2 / (n - 2) * (one @ k @ m @ one)
    )


def test_batches_estimate_the_whole():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(1024, 20))
    y = x @ generator.normal(size=(20, 20)) + 4 * generator.normal(size=(1024, 20))
    assert minibatch_cka(x, y, batch=32) == pytest.approx(minibatch_cka(x, y, batch=1024), abs=0.03)


def test_unrelated_layers_may_fall_below_zero():
    values = [
        minibatch_cka(*np.random.default_rng(seed).normal(size=(2, 40, 30)), batch=20)
        for seed in range(20)
    ]
    assert min(values) < 0 < max(values)
    assert abs(np.mean(values)) < 0.05


def test_too_few_examples_are_refused():
    x, y = arrays(0, n=3)
    with pytest.raises(InputError, match="Expected at least 4 examples"):
        minibatch_cka(x, y)
    with pytest.raises(StudyError, match="option 'batch' of measure 'minibatch_cka'"):
        minibatch_cka(*arrays(0), batch=3)


def test_the_convention_names_every_value():
    expected = "minibatch_cka[linear,debiased,batch=64,ratio of sums,averaged]"
    assert Options(batch=64).convention == expected
