"""Activations of sequences: at the last token, at chosen ones, without padding."""

import numpy as np
import pytest
import torch
from torch import nn

from repsim.data import from_tokens
from repsim.model_layers import capture_blocks, layer_table, sampled_positions, select_layers
from repsim.models import build_model

ROWS = [[1, 2, 3, 4, 5, 6], [2, 4, 6, 1], [5, 3, 1, 2, 4]]
TIGHT = [5, 3, 4]
CPU = torch.device("cpu")


def source(rows, length=None):
    return from_tokens(train=rows, test=rows, vocabulary=7, length=length)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    data = source(ROWS)
    options = {"layers": 2, "width": 4}
    return build_model("lstm", options, inputs=data.inputs, outputs=7)


def captured(model, data, **options):
    layers = select_layers(["lstm.*"], layer_table(model, data.inputs))
    found = capture_blocks(
        model, data.test, np.arange(len(data.test)), layers, device=CPU, batch_size=2, **options
    )
    blocks = [arrays for _, arrays in found]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


@pytest.fixture(scope="module")
def alone(model):
    """The activations of each sequence by itself, without padding."""
    with torch.no_grad():
        found = []
        for row in ROWS:
            values = model.lstm[0](model.embedding(torch.tensor([row[:-1]])))[0]
            found.append(values[0].numpy())
    return found


@pytest.mark.parametrize("length", [5, 9])
def test_padding_is_in_no_mean_and_no_last_token(model, alone, length):
    data = source(ROWS, length)
    last = captured(model, data, positions="last")["lstm.0"]
    np.testing.assert_allclose(last[:, 0], [one[-1] for one in alone], rtol=1e-5, atol=1e-6)
    mean = captured(model, data, positions="mean")["lstm.0"]
    np.testing.assert_allclose(
        mean[:, 0], [one.mean(axis=0) for one in alone], rtol=1e-5, atol=1e-6
    )


def test_drawn_positions_are_those_with_a_token(model, alone):
    found = captured(model, source(ROWS, 9), positions=2, seed=3)["lstm.0"]
    for example, (size, values) in enumerate(zip(TIGHT, alone, strict=True)):
        chosen = sampled_positions(3, total=size, k=2, example=example)
        np.testing.assert_allclose(found[example], values[chosen], rtol=1e-5, atol=1e-6)


def test_listed_places_are_kept_in_their_order(model):
    data = source(ROWS, 5)
    every = captured(model, data)
    some = captured(model, data, places={"lstm.0": [3, 0], "lstm.1": [4]})
    np.testing.assert_array_equal(some["lstm.0"], every["lstm.0"][:, [3, 0]])
    np.testing.assert_array_equal(some["lstm.1"], every["lstm.1"][:, [4]])


def test_the_last_place_of_a_map_is_that_of_all_examples():
    data = source([row[:4] for row in ROWS])
    embedding = nn.Sequential(nn.Embedding(7, 3), nn.Identity())
    layers = layer_table(embedding, data.inputs)
    found = capture_blocks(embedding, data.test, np.arange(3), layers, positions="last", device=CPU)
    ((_, block),) = found
    expected = embedding[0].weight.detach()[[row[2] for row in ROWS]]
    np.testing.assert_array_equal(block["1"][:, 0], expected)
