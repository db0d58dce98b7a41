import pytest
from pydantic import Field

from repsim.errors import StudyError
from repsim.options import StrictOptions, validated_options


class Crop(StrictOptions):
    root: str = Field(description="folder of the images")
    size: int = Field(default=16, ge=4)
    noise: float = 1.0


def test_options_are_values_with_defaults():
    options = validated_options(Crop, {"root": "data", "noise": 2}, "dataset 'crops'")
    assert (options.root, options.size, options.noise) == ("data", 16, 2.0)


def test_every_problem_has_its_line():
    given = {"sise": 8, "size": "8", "noise": True}
    with pytest.raises(StudyError) as caught:
        validated_options(Crop, given, "dataset 'crops'")
    assert sorted(str(caught.value).splitlines()) == [
        "Expected a known option of dataset 'crops'. Got 'sise'. Did you mean 'size'? "
        "Known: noise, root, size.",
        "Expected a valid option 'noise' of dataset 'crops': a valid number. Got True.",
        "Expected a valid option 'size' of dataset 'crops': a valid integer. Got '8'.",
        "Expected option 'root' of dataset 'crops' (folder of the images). Got nothing. Add it.",
    ]


def test_a_value_out_of_range_is_shown():
    with pytest.raises(StudyError, match=r"'size'.*greater than or equal to 4. Got 2\."):
        validated_options(Crop, {"root": "x", "size": 2}, "dataset 'crops'")
