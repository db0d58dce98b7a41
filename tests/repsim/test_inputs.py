"""Shape and type of what a network is given."""

import pytest
import torch

from repsim.errors import StudyError
from repsim.inputs import InputSpec

TOKENS = InputSpec(shape=(5,), dtype="int64", vocabulary=3)


@pytest.mark.parametrize(
    ("inputs", "words", "images"),
    [
        (InputSpec(shape=(3, 32, 32)), "images of shape 3x32x32", True),
        (InputSpec(shape=(64,)), "vectors of 64 numbers", False),
        (InputSpec(shape=(1,)), "vectors of 1 number", False),
        (InputSpec(shape=(16, 3)), "arrays of shape 16x3", False),
        (TOKENS, "sequences of 5 ids below 3", False),
        (
            InputSpec(shape=(2, 5, 4), dtype="int64", vocabulary=9),
            "arrays of shape 2x5x4 of ids below 9",
            False,
        ),
    ],
)
def test_inputs_say_what_they_are(inputs, words, images):
    assert (str(inputs), inputs.are_images) == (words, images)


@pytest.mark.parametrize("inputs", [InputSpec(shape=(3, 4, 5)), InputSpec(shape=(7,)), TOKENS])
def test_batches_are_of_the_shape_and_type(inputs):
    for batch in (inputs.zeros(2), inputs.random(2), inputs.zeros(2, torch.device("meta"))):
        assert (batch.shape, batch.dtype) == ((2, *inputs.shape), getattr(torch, inputs.dtype))
    assert not inputs.zeros(2).any()
    assert inputs.size == inputs.zeros(1).numel()


def test_random_ids_are_those_of_the_vocabulary():
    assert TOKENS.random(100).unique().tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"shape": ()}, r"one or more positive sizes. Got \(\)"),
        ({"shape": (3, 0)}, r"Got \(3, 0\)"),
        ({"shape": (3,), "dtype": "float64"}, "float32 or int64. Got 'float64'"),
        ({"shape": (3,), "dtype": "int64"}, "a vocabulary for inputs of int64"),
        ({"shape": (3,), "vocabulary": 4}, "none for float32. Got float32 and vocabulary 4"),
        ({"shape": (3,), "dtype": "int64", "vocabulary": 0}, "at least 1 id. Got 0"),
    ],
)
def test_what_no_network_takes_is_refused(options, said):
    with pytest.raises(StudyError, match=said):
        InputSpec(**options)
