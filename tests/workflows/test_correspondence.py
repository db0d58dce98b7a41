"""Layers that correspond in two networks: by the table of a study, or by name."""

from dataclasses import dataclass

import pytest

from repsim.errors import StudyError
from repsim.study import Capture
from workflows.correspondence import Correspondence

CAPTURE = Capture()


@dataclass(frozen=True)
class Layer:
    layer: str
    total_positions: int = 4
    capture: Capture = CAPTURE


def correspondence(table, *, captured=None, **networks):
    names = {label: frozenset(layers) for label, layers in networks.items()}
    kept = networks if captured is None else captured
    layers = {label: [Layer(name) for name in listed] for label, listed in kept.items()}
    return Correspondence(table, names, layers)


def found(one, a, b):
    return [(x.layer, y.layer) for x, y in one.of(a, b)]


def test_without_a_table_layers_of_one_name_correspond():
    one = correspondence((), a=["c", "f"], b=["f", "g"])
    assert found(one, "a", "b") == [("f", "f")]


def test_a_row_counts_whichever_way_round_its_names_exist():
    one = correspondence([("c", "k")], a=["c", "f"], b=["k", "f"])
    assert found(one, "a", "b") == [("c", "k"), ("f", "f")]
    assert found(one, "b", "a") == [("k", "c"), ("f", "f")]


def test_a_row_goes_before_the_name():
    # Blocks 0 to 2 of one network are blocks 0 to 4 of the other.
    one = correspondence(
        [("1", "2"), ("2", "4")], shallow=["0", "1", "2"], deep=["0", "1", "2", "3", "4"]
    )
    assert found(one, "shallow", "deep") == [("0", "0"), ("1", "2"), ("2", "4")]
    assert found(one, "deep", "shallow") == [("0", "0"), ("2", "1"), ("4", "2")]


def test_where_both_have_both_names_the_first_is_of_the_network_that_stands_first():
    one = correspondence([("1", "2")], first=["1", "2"], second=["1", "2", "3"])
    assert found(one, "first", "second") == [("1", "2")]
    assert found(one, "second", "first") == [("2", "1")]


def test_networks_with_the_same_layers_do_without_the_table():
    one = correspondence([("1", "2")], a=["1", "2"], b=["1", "2"], c=["2", "3"])
    assert found(one, "a", "b") == [("1", "1"), ("2", "2")]
    assert found(one, "a", "c") == [("1", "2")]


def test_layers_are_alike_by_all_their_names_and_compared_where_captured():
    captured = {"a": ["1", "2"], "b": ["1", "2"]}
    one = correspondence([("1", "2")], captured=captured, a=["1", "2"], b=["1", "2", "3"])
    assert found(one, "a", "b") == [("1", "2")]


def test_a_name_that_no_network_has_is_answered_with_the_nearest():
    with pytest.raises(StudyError, match=r"Got 'covn', which none has\. Did you mean 'conv'\?"):
        correspondence([("covn", "f")], a=["conv"], b=["f"])


def test_a_name_that_is_not_captured_is_told_so():
    with pytest.raises(StudyError, match=r"Got 'g', which capture\.layers leaves out"):
        correspondence([("c", "g")], captured={"a": ["c"], "b": ["f"]}, a=["c"], b=["f", "g"])


def test_a_layer_twice_for_one_pair_is_refused():
    one = correspondence([("c", "f"), ("c", "g")], a=["c"], b=["f", "g"])
    with pytest.raises(StudyError, match=r"for a and b\. Got c more than once"):
        found(one, "a", "b")


def test_layers_of_different_sizes_in_a_row_are_refused():
    sizes = {"a": [Layer("c", 16)], "b": [Layer("f", 4)]}
    one = Correspondence([("c", "f")], {"a": frozenset("c"), "b": frozenset("f")}, sizes)
    with pytest.raises(StudyError, match=r"Got c with 16 and f with 4.*positions = \"mean\""):
        found(one, "a", "b")
