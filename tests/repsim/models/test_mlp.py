"""Fully connected networks of any width and depth."""

import pytest
import torch
from torch import nn

from repsim.errors import StudyError
from repsim.inputs import InputSpec
from repsim.models import build_model

VECTORS = InputSpec(shape=(6,))


def build(inputs=VECTORS, **options):
    return build_model("mlp", options, inputs=inputs, outputs=2)


def names(network):
    return [name for name, module in network.named_modules() if not list(module.children())]


def test_widths_are_one_for_all_or_a_list():
    assert [layer.out_features for layer in build(width=5, depth=3).hidden[::2]] == [5, 5, 5]
    assert [layer.out_features for layer in build(width=[7, 4]).hidden[::2]] == [7, 4]
    assert names(build(width=5)) == ["hidden.fc1", "hidden.relu1", "hidden.fc2", "hidden.relu2",
                                     "output"]  # fmt: skip


def test_activations_are_modules_and_a_linear_network_has_none():
    assert names(build(width=5, depth=1, activation="tanh")) == [
        "hidden.fc1", "hidden.tanh1", "output"]  # fmt: skip
    linear = build(width=5, activation="identity")
    assert names(linear) == ["hidden.fc1", "hidden.fc2", "output"]
    x, y = torch.randn(2, 4, 6)
    torch.testing.assert_close(linear(x + y) + linear(0 * x), linear(x) + linear(y))


def test_no_hidden_layer_is_a_linear_readout():
    assert names(build(depth=0)) == ["hidden", "output"]


@pytest.mark.parametrize("shape", [(6,), (3, 2), (1, 4, 5), (2, 2, 2, 2)])
def test_inputs_of_any_shape_are_taken_as_vectors(shape):
    inputs = InputSpec(shape=shape)
    assert build(inputs, width=4)(inputs.zeros(3)).shape == (3, 2)


def test_weights_are_those_of_plain_linear_layers():
    torch.manual_seed(0)
    weights = build(width=[5]).state_dict()
    torch.manual_seed(0)
    first, last = nn.Linear(6, 5), nn.Linear(5, 2)
    assert torch.equal(weights["hidden.fc1.weight"], first.weight)
    assert torch.equal(weights["output.bias"], last.bias)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"width": [4, 4], "depth": 3}, r"no depth beside a list of widths. Got 3 and \[4, 4\]"),
        ({"width": 0}, "width"),
        ({"depth": -1}, "depth"),
        ({"activation": "swish"}, "activation"),
    ],
)
def test_wrong_options_are_refused(options, said):
    with pytest.raises(StudyError, match=said):
        build(**options)


def test_ids_are_refused():
    tokens = InputSpec(shape=(5,), dtype="int64", vocabulary=3)
    with pytest.raises(StudyError, match=r"numbers for model 'mlp'\. Got sequences of 5 ids"):
        build(tokens)
