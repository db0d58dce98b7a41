"""A measure of one's own, as ``package.module:Name``."""

import sys
import textwrap

import numpy as np
import pytest

import repsim
from repsim.errors import InputError, StudyError
from repsim.examples import example_pair
from repsim.measures import MEASURES, load_measure
from repsim.own_code import own_code

MODULE = """
    from typing import ClassVar
    import numpy as np
    from repsim.examples.alignment import centred, half, unit
    from repsim.measures import CentredOption, ExamplesMeasure, MomentsMeasure, Properties

    class Alignment(CentredOption):
        power: int = 2

        @property
        def convention(self):
            return f"alignment[power={self.power},{self.centring}]"

        @property
        def properties(self):
            return Properties(invariances=self.unchanged_by("orthogonal", "isotropic scaling"))

        def value(self, moments):
            pair = moments.centred() if self.centred else moments.raw()
            norms = np.linalg.norm(pair.xx) * np.linalg.norm(pair.yy)
            return float((np.linalg.norm(pair.xy) ** 2 / norms) ** (self.power / 2))

    class Cosine(ExamplesMeasure):
        centred: ClassVar[bool] = True

        @property
        def convention(self):
            return f"cosine[{self.features}]"

        @property
        def properties(self):
            return Properties(invariances=frozenset({"orthogonal"}))

        def unit_vector(self, layer):
            return unit(half(centred(layer.about_shift), diagonal=True))

    class Unfinished(MomentsMeasure):
        @property
        def convention(self):
            return "unfinished[]"

    def function(x, y):
        return 0.0
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "own_measures_of_a_test.py").write_text(textwrap.dedent(MODULE))
    monkeypatch.syspath_prepend(tmp_path)
    yield "own_measures_of_a_test"
    sys.modules.pop("own_measures_of_a_test", None)


def layers():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(120, 4))
    return x, x[:, :3] + generator.normal(size=(120, 3))


def test_a_study_loads_it_with_its_options(module):
    assert load_measure(f"{module}:Alignment", {}).convention == "alignment[power=2,centred]"
    options = {"power": 1, "centred": False}
    named = load_measure(f"{module}:Alignment", options)
    assert named.convention == "alignment[power=1,uncentred]"


@pytest.mark.parametrize("own", ["Alignment", "Cosine"])
def test_an_estimate_of_it_has_all_its_context(module, own):
    """Both are linear CKA, written anew."""
    x, y = layers()
    found = repsim.estimate(f"{module}:{own}", x, y, permutations=9)
    assert found.value == pytest.approx(repsim.cka(x, y), rel=1e-9)
    assert found.interval.low < found.value < found.interval.high + 0.1
    assert found.null.high < found.value
    assert found.p_value == 0.1


def test_layers_are_compared_across_with_it(module):
    layer, other = layers()
    table = repsim.across.heatmap([layer, other], measure=f"{module}:Cosine")
    assert table[0, 1] == pytest.approx(repsim.cka(layer, other))


def test_it_warns_like_any_other(module):
    x, y = layers()
    few = repsim.estimate(f"{module}:Alignment", x[:4], y[:4], groups=0, permutations=0)
    assert "Any two layers look alike with 4 live neurons" in few.caution
    constant = repsim.estimate(f"{module}:Cosine", 0 * x, y, groups=0, permutations=0)
    assert "Not defined for X: it is constant over the examples." in constant.caution
    pair = example_pair(x, y)
    assert load_measure(f"{module}:Cosine", {}).value(pair.permuted(range(120))) < 1


def test_its_code_has_a_digest_for_keys(module):
    code = MEASURES.code(f"{module}:Alignment")
    assert code == own_code(f"{module}:Alignment")
    assert [file for file, _ in code.files] == [f"{module}.py"]
    assert MEASURES.code("cka") is None


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("Alignmant", {}, r"measure in module .*Got 'Alignmant'. Did you mean 'Alignment'"),
        ("Alignment", {"pover": 1}, r"option of measure .*Got 'pover'. Did you mean 'power'"),
        ("Alignment", {"power": "1"}, r"option 'power' of measure .*: a valid integer. Got '1'"),
        ("function", {}, r"class that derives from repsim.measures.MomentsMeasure .*Got function"),
        ("np", {}, r"class that derives from .*Got module"),
        ("Unfinished", {}, r"Got no properties, value, centred. See repsim.measures.Measure"),
    ],
)
def test_what_is_no_measure_is_refused(module, name, options, message):
    with pytest.raises(StudyError, match=message):
        load_measure(f"{module}:{name}", options)


@pytest.mark.usefixtures("unchecked_shapes")
def test_an_object_that_is_no_measure_is_refused():
    with pytest.raises(InputError, match=r"derives from repsim.measures.Measure. Got object"):
        repsim.estimate(object(), *layers())
