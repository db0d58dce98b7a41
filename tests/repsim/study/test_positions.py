"""The positions of a layer that a study asks for."""

import pytest

from repsim.errors import StudyError
from repsim.study import parse_study
from repsim.study.positions import layer_of_model, layers_of_positions

STUDY = """
name = "s"
seeds = [0, 1]
data.name = "sequences"
model.name = "lstm"
"""


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("all", {"": None}),
        ("mean", {"": None}),
        ("last", {"": None}),
        (3, {"": None}),
        (99, {"": None}),
        ("1:3", {"": (1, 2)}),
        (":4:2", {"": (0, 2)}),
        ("-2:", {"": (3, 4)}),
        ((4, 0), {"": (4, 0)}),
        ((-1,), {"": (4,)}),
        ("each", {f"@t={t}": (t,) for t in range(5)}),
        ("each 3:5", {"@t=3": (3,), "@t=4": (4,)}),
        ("each -1:", {"@t=4": (4,)}),
    ],
)
def test_positions_are_a_number_a_word_a_range_or_a_list(asked, expected):
    assert layers_of_positions(asked, 5, layer="lstm.0") == expected
    if isinstance(asked, tuple):
        asked = list(asked)
    text = repr(asked).replace("'", '"')
    study = parse_study(f"{STUDY}capture.positions = {text}\n")
    assert study.capture.positions == (tuple(asked) if isinstance(asked, list) else asked)


def test_a_layer_without_positions_stays_one_layer():
    assert layers_of_positions("each", 1, layer="fc") == {"": None}


@pytest.mark.parametrize("asked", ["some", "", "each x", "1:2:0", "each mod 3", [1, 1], [], 0, 1.5])
def test_wrong_positions_are_refused_when_the_study_is_read(asked):
    with pytest.raises(StudyError, match=r"capture\.positions"):
        parse_study(f"{STUDY}capture.positions = {str(asked) if asked == [] else repr(asked)}\n")


@pytest.mark.parametrize(
    ("asked", "shortest", "said"),
    [
        ("3:8", None, r"'lstm.0', which has 5 positions. Got 5 from capture.positions = '3:8'"),
        ((0, -6), None, "Got -1 from"),
        ("4:2", None, "Got none from"),
        ("each 7:9", None, "which has 5 positions. Got 7"),
        ("0:4", 3, "which has 3 in every example. Got 3"),
        ("each", 3, "which has 3 in every example"),
        ("all", 3, r"the shortest has 3, .*\"last\", \"mean\", a number up to 3"),
        (4, 3, "the shortest has 3"),
    ],
)
def test_positions_that_a_layer_or_an_example_has_not_are_refused(asked, shortest, said):
    with pytest.raises(StudyError, match=said):
        layers_of_positions(asked, 5, layer="lstm.0", shortest=shortest)


@pytest.mark.parametrize("asked", [3, "last", "mean", "0:3", (2,)])
def test_padded_examples_have_the_positions_of_the_shortest(asked):
    layers_of_positions(asked, 5, layer="lstm.0", shortest=3)


def test_a_position_is_no_call_of_a_module():
    assert layer_of_model("relu@2@t=3") == "relu@2"
