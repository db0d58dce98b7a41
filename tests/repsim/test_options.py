import sys
import textwrap

import pytest
from pydantic import Field

from repsim.errors import StudyError
from repsim.options import StrictOptions, call_dotted, validated_options


class Crop(StrictOptions):
    root: str = Field(description="folder of the images")
    size: int = Field(default=16, ge=4)
    noise: float = 1.0


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    def write(text):
        (tmp_path / "own_module_of_a_test.py").write_text(textwrap.dedent(text))
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "own_module_of_a_test", raising=False)
        return "own_module_of_a_test"

    yield write
    sys.modules.pop("own_module_of_a_test", None)


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


def test_a_named_function_is_called_with_its_options(own_module):
    name = own_module("def make(a, *, b=1): return a, b")
    assert call_dotted(f"{name}:make", {"b": 2}, what="model", given={"a": 5}) == (5, 2)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no_such_module_anywhere:f", r"can be imported. Got ModuleNotFoundError.*PYTHONPATH"),
        ("math:sqr", r"function of module 'math'. Got 'sqr'. Did you mean 'sqrt'"),
        ("math:pi", r"'math:pi' to be a function. Got float"),
        ("math:", r"of the form 'package.module:function'. Got 'math:'"),
        (":sqrt", r"of the form 'package.module:function'. Got ':sqrt'"),
    ],
)
def test_a_path_that_names_no_function_is_refused(path, message):
    with pytest.raises(StudyError, match=message):
        call_dotted(path, {}, what="dataset")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"widht": 2}, r"option of model '.*:make'. Got 'widht'. Did you mean 'width'"),
        ({}, r"takes. Got classes: missing a required argument: 'width'"),
        ({"width": 1, "classes": 3}, r"repsim passes these itself. Got classes"),
    ],
)
def test_options_that_do_not_fit_the_signature_are_refused(own_module, options, message):
    name = own_module("def make(*, classes, width): return classes * width")
    with pytest.raises(StudyError, match=message):
        call_dotted(f"{name}:make", options, what="model", given={"classes": 10})


def test_a_module_that_fails_on_import_is_named_with_its_error(own_module):
    name = own_module("raise RuntimeError('no licence')")
    with pytest.raises(StudyError, match=r"Got RuntimeError: no licence"):
        call_dotted(f"{name}:make", {}, what="model")


def test_an_error_inside_the_function_is_its_own(own_module):
    name = own_module("def make(): raise KeyError('inside')")
    with pytest.raises(KeyError, match="inside"):
        call_dotted(f"{name}:make", {}, what="model")
