import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repsim.model_layers import sampled_examples, sampled_positions


@given(
    seed=st.integers(0, 2**63 - 1),
    total=st.integers(1, 60),
    k=st.integers(1, 70),
    example=st.integers(0, 2**31),
)
def test_positions_are_distinct_rising_and_as_many_as_asked(seed, total, k, example):
    positions = sampled_positions(seed, total, k, example)
    assert positions.dtype == np.int64
    assert len(positions) == min(k, total)
    assert (np.diff(positions) > 0).all()
    assert positions[0] >= 0
    assert positions[-1] < total
    assert np.array_equal(positions, sampled_positions(seed, total, k, example))


def test_examples_and_seeds_have_positions_of_their_own():
    draws = {
        tuple(sampled_positions(seed, 100, 5, example))
        for seed in (0, 1, 2**32)
        for example in range(5)
    }
    assert len(draws) == 15


def test_every_position_is_drawn_equally_often():
    counts = np.zeros(10)
    for example in range(3000):
        counts[sampled_positions(0, 10, 3, example)] += 1
    # Each is hypergeometric with mean 900 and standard deviation 25.
    assert counts == pytest.approx(np.full(10, 900), abs=125)


def test_examples_are_a_sample_of_the_split():
    chosen = sampled_examples(7, 100, 20)
    assert len(np.unique(chosen)) == 20
    assert set(sampled_examples(7, 5, 5)) == set(range(5))
    assert not np.array_equal(chosen, sampled_examples(8, 100, 20))
    assert not np.array_equal(np.sort(chosen), sampled_positions(7, 100, 20, 0))


def test_fewer_examples_are_the_first_of_more():
    assert np.array_equal(sampled_examples(7, 100, 20), sampled_examples(7, 100, 60)[:20])


def test_the_order_of_the_examples_is_random():
    # A split sorted by class: the first half must not be the first class.
    classes = sampled_examples(0, 1000, 1000)[:500] // 500
    assert classes.mean() == pytest.approx(0.5, abs=0.08)  # five standard deviations
