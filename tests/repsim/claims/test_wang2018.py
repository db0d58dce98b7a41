"""Claims of Wang et al. 2018 on made tables for which they hold, and do not."""

import pytest

from tests.repsim.claims.made_up import evidence, match_rows, verdicts

SEEDS = {"": range(3)}


def judge(values, *, networks=SEEDS, **more):
    rows = match_rows(networks, values)
    return verdicts("wang2018", evidence(networks, rows, {"": {}}, **more))


def at(first, others):
    return lambda a, b, depth: first if depth == 0 else others


def simple(size, rank):
    none: list[int] = []
    return {
        "network_a": " seed 0",
        "network_b": " seed 1",
        "layer": "conv1",
        "depth": 0,
        "epsilon": 0.5,
        "rank": rank,
        "size": size,
        **{
            f"{what}_{side}": none
            for what in ("members", "minimal_for", "minimum_for")
            for side in "xy"
        },
        "slack": 0.0,
        "certified": True,
    }


def test_middle_layers_that_hardly_match_bear_it_out():
    low = {0.15: at(0.3, 0.01), 0.3: at(0.6, 0.1), 0.5: at(0.9, 0.3)}
    found = judge(low)
    assert found["A-1"] == (
        True,
        "Median over pairs of 2 layers: 0.100 at ε = 0.3, 0.010 at 0.15.",
    )
    assert found["A-3"][0] is True
    assert found["A-5"][0] is True


@pytest.mark.parametrize("at_015", [0.01, 0.3])
def test_middle_layers_that_match_refute_it(at_015):
    found = judge({0.15: at(0.1, at_015), 0.3: at(0.1, 0.5), 0.5: at(0.1, 0.9)})
    assert found["A-1"][0] is False
    assert found["A-3"][0] is False
    assert found["A-5"][0] is False


def test_accuracies_that_differ_say_nothing_of_similarity():
    networks = {"a": [0], "b": [1]}
    values = {0.3: at(0.1, 0.1)}
    unequal = judge(values, networks={"": range(3)}, test_accuracy={"": 0.9})
    assert unequal["A-5"][0] is True
    assert judge(values, networks=networks, test_accuracy={"a": 0.9, "b": 0.2})["A-5"][0] is None


@pytest.mark.parametrize(("sizes", "holds"), [([8] * 20 + [2], True), ([2, 8], False), ([], None)])
def test_small_simple_matches_are_counted(sizes, holds):
    rows = [simple(size, rank) for rank, size in enumerate(sizes, start=1)]
    networks = {"": range(2)}
    found = verdicts(
        "wang2018",
        evidence(
            networks, match_rows(networks, {0.3: at(0.1, 0.1)}), {"": {}}, simple_matches=rows
        ),
    )
    assert found["A-4"][0] is holds


def test_other_epsilons_cannot_be_judged_by():
    assert judge({0.25: at(0.1, 0.1)})["A-1"][0] is None


CONTROL = {"trained": {"training.epochs": 9}, "untrained": {"training.epochs": 0}}


@pytest.mark.parametrize(("crossed", "holds"), [(0.1, True), (0.5, False)])
def test_untrained_networks_are_the_control_of_the_last_layer(crossed, holds):
    networks = {"trained": range(2), "untrained": range(2)}

    def value(a, b, depth):
        return 0.8 if a == b == "trained" else crossed if a != b else 0.0

    rows = match_rows(networks, dict.fromkeys((0.15, 0.3, 0.5), value))
    found = verdicts("wang2018", evidence(networks, rows, CONTROL))
    assert found["A-2"] == (
        holds,
        f"Median at ε = 0.5 in fc: 0.800 between trained networks, {crossed:.3f} between trained "
        "and untrained ones.",
    )
    assert found["A-1"][0] is False  # of the trained alone, which match


def test_without_a_control_nothing_is_said_of_training():
    assert judge({0.5: at(0.9, 0.3)})["A-2"][0] is None
