"""The registry: what every file of the folder promises, so that a new one is held to it too."""

import importlib
import inspect
import re

import pytest

import repsim.measures
from repsim.errors import StudyError
from repsim.measures import MEASURES, load_measure, measure_class
from repsim.measures.contract import Properties

REQUIRED = {"maximum_match": {"epsilon": 0.5}}


@pytest.fixture(params=MEASURES.names)
def name(request):
    return request.param


def test_measures_are_found_by_their_files():
    assert {"cca", "cka", "pwcca", "rsa", "svcca"} <= set(MEASURES.names)
    assert "contract" not in MEASURES.names


def test_a_measure_is_a_function_of_the_name_of_its_file(name):
    function = getattr(repsim.measures, name)
    module = importlib.import_module(f"repsim.measures.{name}")
    assert function is getattr(module, name)
    assert name in repsim.measures.__all__


def test_function_and_study_have_the_same_options_and_defaults(name):
    function = getattr(repsim.measures, name)
    keywords = {
        parameter.name: parameter.default
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    assert keywords == {
        name: inspect.Parameter.empty if field.is_required() else field.default
        for name, field in measure_class(name).model_fields.items()
    }


def test_a_measure_says_what_exactly_it_is(name):
    measure = load_measure(name, REQUIRED.get(name, {}))
    assert measure.convention.startswith(f"{name}[")
    assert measure.convention.endswith("]")
    assert isinstance(measure.centred, bool)
    assert measure.statistic in {"moments", "examples"}
    properties = measure.properties
    assert properties.least <= properties.best <= properties.most
    assert properties.best == (
        properties.most if properties.larger_is_more_similar else properties.least
    )


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("ckaa", {}, "Expected a known measure. Got 'ckaa'. Did you mean 'cka'?"),
        ("contract", {}, "Expected a known measure. Got 'contract'."),
        ("cka", {"biased": True}, "Expected a known option of measure 'cka'. Got 'biased'."),
        ("maximum_match", {}, "option 'epsilon' of measure 'maximum_match'"),
        ("maximum_match", {"epsilon": 1.0}, "less than 1. Got 1.0"),
        ("cca", {"power": 3}, "Expected a valid option 'power' of measure 'cca': 1 or 2. Got 3."),
        ("svcca", {"variance": 1.5}, "less than or equal to 1"),
        ("svcca", {"compat": "netrep"}, "Expected a valid option 'compat' of measure 'svcca'"),
        (
            "svcca",
            {"directions": 5, "variance": 0.9},
            "Expected directions or variance. Got directions = 5 and variance = 0.9",
        ),
        (
            "svcca",
            {"compat": "anatome", "directions": 5},
            'Expected directions = None with compat = "anatome", which knows no other. Got 5',
        ),
        (
            "cka",
            {"compat": "netrep", "debiased": True},
            'Expected debiased = False with compat = "netrep"',
        ),
    ],
)
def test_a_measure_or_option_that_is_not_known_is_refused(name, options, said):
    with pytest.raises(StudyError) as caught:
        load_measure(name, options)
    assert said in str(caught.value)


def test_what_a_library_fixes_is_visible():
    assert load_measure("cca", {"compat": "kornblith"}).convention == (
        "cca[compat=kornblith,power=2,uncentred]"
    )
    same = {"compat": "kornblith", "power": 2, "centred": False}
    assert load_measure("cca", same) == load_measure("cca", {"compat": "kornblith"})


@pytest.mark.usefixtures("unchecked_shapes")
def test_an_invariance_that_does_not_exist_cannot_be_declared():
    with pytest.raises(ValueError, match=r"Expected invariances among .* Got rotation"):
        Properties(invariances=frozenset({"rotation"}))


def test_the_help_of_every_measure_describes_its_layers_options_and_errors(name):
    text = inspect.getdoc(getattr(repsim.measures, name))
    _, *parts = re.split(r"^(\w+)\n-+\n", text, flags=re.MULTILINE)
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    described = [line for line in sections["Parameters"].splitlines() if line[:1].strip()]
    assert described[0] == "x, y"
    assert set(described[1:]) == set(measure_class(name).model_fields)
    assert {"InputError", "StudyError"} <= set(sections["Raises"].splitlines())
