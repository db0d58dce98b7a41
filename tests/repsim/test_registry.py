"""Components by name: a function of one's own, an installed package, and a measure of one's own."""

import sys
import textwrap

import pytest

from repsim.errors import StudyError
from repsim.measures import MEASURES, load_measure
from repsim.own_code import own_code
from repsim.registry import Registry, call_dotted

MEASURE = """
    from typing import ClassVar
    import numpy as np
    from repsim.measures import MomentsMeasure, Properties

    class Overlap(MomentsMeasure):
        power: int = 2
        centred: ClassVar[bool] = False

        @property
        def convention(self):
            return f"overlap[power={self.power}]"

        @property
        def properties(self):
            return Properties(invariances=frozenset({"orthogonal", "isotropic scaling"}))

        def value(self, moments):
            raw = moments.raw()
            norms = np.linalg.norm(raw.xx) * np.linalg.norm(raw.yy)
            return float((np.linalg.norm(raw.xy) ** 2 / norms) ** (self.power / 2))
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    def write(text):
        (tmp_path / "own_module_of_a_test.py").write_text(textwrap.dedent(text))
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "own_module_of_a_test", raising=False)
        return "own_module_of_a_test"

    yield write
    sys.modules.pop("own_module_of_a_test", None)


def test_a_named_function_is_called_with_its_options(own_module):
    name = own_module("def make(a, *, b=1): return a, b")
    assert call_dotted(f"{name}:make", {"b": 2}, what="model", given={"a": 5}) == (5, 2)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no_such_module_anywhere:f", r"can be imported. Got ModuleNotFoundError.*PYTHONPATH"),
        ("math:sqr", r"dataset in module 'math'. Got 'sqr'. Did you mean 'sqrt'"),
        ("math:pi", r"'math:pi' to be a function. Got float"),
        ("math:", r"of the form 'package.module:name'. Got 'math:'"),
        (":sqrt", r"of the form 'package.module:name'. Got ':sqrt'"),
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


def test_an_error_inside_the_function_is_named_with_its_line(own_module):
    name = own_module("import json\ndef make():\n    json.loads('{')")
    with pytest.raises(
        StudyError, match=rf"{name}:make'.* Got JSONDecodeError: .*{name}.py, line 3"
    ):
        call_dotted(f"{name}:make", {}, what="model")


@pytest.fixture
def installed(own_module, tmp_path):
    """The measures, with those of a package that is installed beside repsim."""
    own_module(MEASURE)
    record = tmp_path / "beside-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: beside\nVersion: 1.0\n")
    lines = ["overlap = own_module_of_a_test:Overlap", "cka = own_module_of_a_test:Overlap"]
    (record / "entry_points.txt").write_text("\n".join(["[repsim.measures]", *lines]))
    return Registry(kind="measure", package="repsim.measures", offered=MEASURES.offered)


def test_an_entry_point_is_a_component_by_its_name(installed):
    assert "overlap" in installed.names
    assert installed.path_of("overlap") == "own_module_of_a_test:Overlap"
    assert installed.code("overlap") == own_code("own_module_of_a_test:Overlap")
    assert installed.code("overlap").files[0][0] == "own_module_of_a_test.py"


def test_a_built_in_component_wins_over_an_entry_point(installed):
    assert installed.path_of("cka") is None
    assert installed.code("cka") is None
    assert installed["cka"] is MEASURES["cka"]


def test_a_folder_is_searched_once(monkeypatch):
    load_measure("cka", {})
    monkeypatch.setattr("pkgutil.iter_modules", None)
    assert load_measure("cka", {}) is load_measure("cka", {})
    assert load_measure("cka", {"debiased": True}) != load_measure("cka", {})


def test_options_that_compare_equal_are_still_told_apart():
    assert load_measure("mutual_knn", {"k": 1}).k == 1
    for value in (True, 1.0):
        with pytest.raises(StudyError, match=r"option 'k' of measure 'mutual_knn'"):
            load_measure("mutual_knn", {"k": value})
