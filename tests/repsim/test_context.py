"""Each value with its context: the columns follow from the values of the replicates."""

import numpy as np
import pytest

from repsim.results import in_context


def row(layer, value, null, replicates=(), **more):
    return {
        **{"network_a": "a", "network_b": "b", "layer": layer, "measure": "m", "epsilon": None},
        **{"value": value, "null": list(null), "replicates": list(replicates), "groups": 5},
        **{"best": 1.0, "larger_is_more_similar": True},
        **more,
    }


def columns(rows, interval="jackknife"):
    return in_context(rows, interval=interval, level=0.9)


def test_the_null_gives_p_value_and_calibrated_value():
    (found,) = columns([row("l", 0.6, [0.2] * 19)])
    assert found["p_value"] == found["p_value_layers"] == 0.05
    assert found["calibrated"] == pytest.approx(0.5)
    assert found["null_mean"] == pytest.approx(0.2)
    assert "interval_low" not in found
    assert not {"null", "replicates", "groups", "best"} & found.keys()


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


def test_intervals_follow_the_method_and_a_measure_may_have_its_own():
    values = [0.4, 0.45, 0.5, 0.55, 0.6]
    jackknife, bootstrap, own = (
        columns([row("l", 0.5, [], values, **more)], method)[0]
        for method, more in (
            ("jackknife", {}),
            ("bootstrap", {}),
            ("bootstrap", {"interval": "jackknife"}),
        )
    )
    assert jackknife["interval_low"] < 0.5 < jackknife["interval_high"]
    assert own == jackknife != bootstrap


def test_what_is_not_defined_has_no_context():
    (found,) = columns([row("l", None, [None, None], [None, 0.1])])
    assert found["value"] is None
    assert found["p_value_layers"] is None
    assert not {"p_value", "interval_low"} & found.keys()
