"""Which layer is found: counted by hand, and on networks whose layers are known to correspond."""

import math

import numpy as np
import pytest

from repsim.across import Identification, identify
from repsim.errors import InputError

NAMES = ["a", "b", "c"]


def test_the_largest_of_a_row_must_be_the_layer_of_that_name():
    table = np.array([[0.9, 0.1, 0.2], [0.3, 0.2, 0.1], [0.1, 0.2, 0.3]])
    found = identify(table, NAMES, NAMES)
    assert (found.correct, found.total, found.undefined) == (2, 3, 0)
    assert found.accuracy == pytest.approx(2 / 3)
    assert found.chance == pytest.approx(1 / 3)


def test_of_distances_the_smallest_counts():
    table = np.array([[0.9, 0.1, 0.2], [0.3, 0.2, 0.4], [0.1, 0.2, 0.3]])
    assert identify(table, NAMES, NAMES, larger_is_more_similar=False).correct == 1


def test_a_tie_finds_nothing():
    table = np.ones((3, 3))
    table[0, 0] += 1e-12  # rounding
    assert identify(table, NAMES, NAMES).correct == 0


def test_networks_of_different_layers_are_compared_where_they_correspond():
    table = np.array([[0.9, 0.1, 0.2], [0.3, 0.4, 0.5]])
    found = identify(table, ["a", "x"], NAMES)
    assert (found.correct, found.total) == (1, 1)
    assert found.chance == pytest.approx(1 / 3)


def test_what_is_not_defined_is_never_chosen_and_counted_apart():
    table = np.array([[np.nan, 0.1, 0.2], [0.3, 0.4, np.nan], [np.nan, np.nan, 0.3]])
    found = identify(table, NAMES, NAMES)
    assert (found.correct, found.total, found.undefined) == (2, 2, 1)
    assert found.expected == pytest.approx(1 / 2 + 1)


def test_counts_add_up_over_pairs():
    one = Identification(correct=1, total=2, expected=1.0)
    other = Identification(correct=2, total=2, undefined=1, expected=0.5)
    both = one + other
    assert (both.correct, both.total, both.undefined, both.chance) == (3, 4, 1, 0.375)


@pytest.mark.parametrize("true", [0.1, 0.5, 0.9])
def test_the_interval_covers_as_often_as_it_says(true):
    total, covered = 40, 0.0
    for correct in range(total + 1):
        low, high = Identification(correct=correct, total=total, expected=1.0).interval(0.9)
        probability = math.comb(total, correct) * true**correct * (1 - true) ** (total - correct)
        covered += probability * (low <= true <= high)
    assert 0.86 < covered < 0.96


def test_the_interval_stays_inside_and_nothing_counted_has_none():
    assert Identification(correct=5, total=5, expected=1.0).interval()[1] == 1
    assert Identification(correct=0, total=5, expected=1.0).interval()[0] == 0
    nothing = Identification(undefined=3)
    assert np.isnan([nothing.accuracy, nothing.chance, *nothing.interval()]).all()


def test_a_table_of_other_layers_is_refused():
    with pytest.raises(InputError, match="Expected a value for each of 3 × 3 layers"):
        identify(np.ones((2, 3)), NAMES, NAMES)
