import pytest
from torch import nn

from repsim.errors import StudyError
from repsim.inputs import InputSpec
from repsim.model_layers import LayerInfo, layer_table, layers_in_doubt, select_layers, with_axes
from repsim.study import Capture


@pytest.fixture
def table(model):
    return layer_table(model, InputSpec(shape=(2, 6, 6)))


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
    table = layer_table(nn.Sequential(nn.Conv2d(2, 2, 1)), InputSpec(shape=(2, 6, 6)))
    message = r"Types: Conv2d\. A function called in forward, such as torch\.nn\.functional\.relu"
    with pytest.raises(StudyError, match=message):
        select_layers(["type:ReLU"], table)


def layer(name, depth, shape, axis):
    return LayerInfo(name=name, depth=depth, type="Any", shape=shape, axis=axis)


def test_layers_that_cannot_be_captured_are_refused_by_name_and_left_out_of_globs():
    table = [layer("a", 0, (3,), 1), layer("b", 1, (), 0), layer("c", 2, (2, 3, 4), 0)]
    assert [found.name for found in select_layers(["*"], table)] == ["a"]
    assert [found.name for found in select_layers(["type:Any"], table)] == ["a"]
    assert [found.name for found in layers_in_doubt(["*", "c"], table)] == ["c"]
    with pytest.raises(StudyError, match=r"Got 'b' \(Any\), selected by 'b', with no batch"):
        select_layers(["*", "b"], table)
    message = (
        r"selected by 'c\*', with shape \(2, 3, 4\) for each example.*\[capture\.axes\] "
        r'"c" = "first" \(2 neurons at 12 positions\) or "last" \(4 at 6\)'
    )
    with pytest.raises(StudyError, match=message):
        select_layers(["c*"], table)


DOUBTFUL = (
    layer("blocks.0", 0, (6, 7, 8), 0),
    layer("blocks.0.conv", 1, (6, 7, 8), 1),
    layer("blocks.1", 2, (7, 8), 0),
    layer("table", 3, (), 0),
)


@pytest.mark.parametrize(
    ("axes", "found"),
    [
        ({}, [0, 1, 0, 0]),
        ({"blocks.*": "last"}, [3, 1, 2, 0]),  # what is known stays
        ({"blocks.?": "first"}, [1, 1, 1, 0]),
        ({"type:A*": "first"}, [1, 1, 1, 0]),
        ({"blocks.0": "last", "blocks.1": "first"}, [3, 1, 1, 0]),
        ({"blocks.0.conv": "last"}, [0, 3, 0, 0]),  # its own name overrides
        ({"blocks.0.c*": "first"}, [0, 1, 0, 0]),  # as it is known
        ({"block.*": "last"}, [0, 1, 0, 0]),  # meant for another model
    ],
)
def test_a_study_settles_where_channels_are(axes, found):
    assert [x.axis for x in with_axes(DOUBTFUL, axes)] == found


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"*.conv": "last"}, r"channels are known: blocks\.0\.conv \(Any\), axis 1.*name of one"),
        ({"table": "last"}, r"Got 'table' = 'last', which selects layers without a batch"),
        ({"blocks.*": "last", "*.1": "first"}, r"one place for the channels of 'blocks\.1'"),
    ],
)
def test_axes_that_say_nothing_are_refused(axes, message):
    with pytest.raises(StudyError, match=message):
        with_axes(DOUBTFUL, axes)
