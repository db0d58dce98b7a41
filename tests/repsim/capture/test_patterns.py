import pytest
from torch import nn

from repsim.capture import LayerInfo, layer_table, select_layers
from repsim.errors import StudyError
from repsim.study import Capture


@pytest.fixture
def table(model):
    return layer_table(model, (2, 6, 6))


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["relu"], ["relu@1", "relu@2", "relu@3"]),
        (["relu@2"], ["relu@2"]),
        (["head.*"], ["head.0", "head.1"]),
        (["type:Conv*"], ["first", "second"]),
        (["second", "first"], ["first", "second"]),
        (["type:ReLU", "relu@?", "first"], ["first", "relu@1", "relu@2", "relu@3"]),
        (["relu@[12]"], ["relu@1", "relu@2"]),
        (
            ["*"],
            ["first", "relu@1", "second", "relu@2", "head.0", "head.1", "relu@3"],
        ),
    ],
)
def test_patterns_select_by_name_call_and_type_in_order_of_depth(table, patterns, names):
    assert [layer.name for layer in select_layers(patterns, table)] == names


def test_the_default_of_a_study_is_every_relu(table):
    assert {layer.type for layer in select_layers(Capture().layers, table)} == {"ReLU"}


def test_a_name_that_selects_nothing_is_answered_with_near_ones(table):
    message = r"Got 'secnod', which selects none\. Names like it: second\. Types: Conv2d, Flatten,"
    with pytest.raises(StudyError, match=message):
        select_layers(["first", "secnod"], table)
    with pytest.raises(StudyError, match=r"Names like it: first, relu@1, relu, \.\.\.\. Types"):
        select_layers(["zzzz*"], table)


def test_a_type_that_selects_nothing_is_answered_with_those_that_exist(table):
    message = r"Did you mean 'type:ReLU'\? Types: Conv2d, Flatten, Linear, ReLU\. A function called"
    with pytest.raises(StudyError, match=message):
        select_layers(["type:relu"], table)


def test_a_functional_relu_is_explained():
    table = layer_table(nn.Sequential(nn.Conv2d(2, 2, 1)), (2, 6, 6))
    message = r"Types: Conv2d\. A function called in forward, such as torch\.nn\.functional\.relu"
    with pytest.raises(StudyError, match=message):
        select_layers(["type:ReLU"], table)


def test_layers_that_cannot_be_captured_are_refused_by_name_and_left_out_of_globs():
    def layer(name, depth, shape, neurons):
        return LayerInfo(
            name=name, depth=depth, type="Any", shape=shape, neurons=neurons, positions=neurons
        )

    table = [layer("a", 0, (3,), 3), layer("b", 1, (), 0), layer("c", 2, (2, 2, 2, 2), 0)]
    assert [found.name for found in select_layers(["*"], table)] == ["a"]
    assert [found.name for found in select_layers(["type:Any"], table)] == ["a"]
    with pytest.raises(StudyError, match=r"Got 'b' \(Any\), selected by 'b', with no batch"):
        select_layers(["*", "b"], table)
    with pytest.raises(StudyError, match=r"selected by 'c\*', with shape \(2, 2, 2, 2\) per"):
        select_layers(["c*"], table)
