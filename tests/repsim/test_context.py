"""Each value with its context: the columns follow from the values of the replicates."""

import numpy as np
import pytest

from repsim.results import in_context
from repsim.uncertainty import RankedCriticals


def row(layer, value, null, **more):
    return {
        **{"network_a": "a", "network_b": "b", "layer": layer, "measure": "m", "epsilon": None},
        **{"value": value, "null": list(null), "within": [], "groups": 5},
        **{"without": [], "halves": [], "quarters": [], "drawn": []},
        **{"best": 1.0, "bounds": [None, None], "larger_is_more_similar": True},
        **more,
    }


def columns(rows):
    return in_context(rows, level=0.9)


def test_the_null_gives_p_value_and_calibrated_value():
    (found,) = columns([row("l", 0.6, [0.2] * 19)])
    assert found["p_value"] == found["p_value_layers"] == 0.05
    assert found["calibrated"] == pytest.approx(0.5)
    assert found["null_mean"] == pytest.approx(0.2)
    assert "interval_low" not in found
    assert found["permutations"] == 19
    assert "within_mean" not in found
    assert not {"null", "within", "without", "halves", "drawn", "groups", "best"} & found.keys()


def test_the_null_within_classes_has_columns_of_its_own():
    (found,) = columns([row("l", 0.6, [0.2] * 19, within=[*[0.5] * 18, 0.7])])
    assert found["p_value"] == 0.05
    assert found["p_value_within"] == found["p_value_within_layers"] == 0.1
    assert found["within_low"] == 0.5
    assert found["within_high"] == pytest.approx(0.7)
    assert found["null_high"] == pytest.approx(0.2)


def test_of_a_distance_the_small_values_are_similar():
    distance = {"best": 0.0, "larger_is_more_similar": False}
    (found,) = columns([row("l", 0.25, [1.0] * 3, **distance)])
    assert found["p_value"] == 0.25
    assert found["calibrated"] == pytest.approx(0.75)


def test_p_values_over_layers_are_of_all_layers_of_the_pair():
    random = np.random.default_rng(0)
    nulls = random.normal(size=(20, 19))
    rows = [row(f"l{i}", 0.0, null) for i, null in enumerate(nulls)]
    rows[0]["value"] = 9.0
    found = columns(rows)
    assert found[0]["p_value_layers"] == 0.05
    # A value that is nothing alone is nothing among twenty.
    assert min(one["p_value_layers"] for one in found[1:]) > 0.5


VALUES = [0.4, 0.45, 0.5, 0.55, 0.6]


def test_an_interval_is_about_the_corrected_value():
    (plain,) = columns([row("l", 0.5, [], without=VALUES)])
    assert plain["corrected"] == 0.5
    (found,) = columns([row("l", 0.5, [], without=VALUES, halves=[0.58, 0.62])])
    # Halves show twice the bias of the whole.
    assert found["corrected"] == pytest.approx(0.4, abs=0.01)
    middle = (found["interval_low"] + found["interval_high"]) / 2
    assert middle == pytest.approx(found["corrected"])
    assert found["bias"] == pytest.approx(0.5 - found["corrected"])
    (drawn,) = columns([row("l", 0.5, [], drawn=VALUES * 9)])
    assert drawn["interval_low"] < drawn["corrected"] < drawn["interval_high"]
    assert drawn != plain


def test_a_match_has_the_interval_of_its_ranks():
    critical = np.linspace(0.1, 0.9, 9)
    rng = np.random.default_rng(0)
    ranks = RankedCriticals.of(critical, without=critical + 0.01 * rng.normal(size=(8, 9)))
    (found,) = columns([row("l", 5 / 9, [], ranks=ranks, epsilon=0.5, without=VALUES)])
    assert found["interval_low"] <= found["corrected"] == 5 / 9 <= found["interval_high"]
    interval = ranks.interval(0.5)
    assert (found["interval_low"], found["interval_high"]) == (interval.low, interval.high)
    assert "ranks" not in found


def test_what_is_not_defined_has_no_context():
    (found,) = columns([row("l", None, [None, None], without=[None, 0.1])])
    assert found["value"] is None
    assert found["p_value_layers"] is None
    assert not {"p_value", "interval_low"} & found.keys()
    (found,) = columns([row("l", 0.5, [], without=VALUES, halves=[None, 0.4])])
    assert "interval_low" not in found
