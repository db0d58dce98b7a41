"""Keys: what determines a result changes its key, and nothing else does."""

import importlib
import sys
import textwrap

import pytest

from repsim.errors import IntegrityError
from repsim.stages.tiles import tiles_of
from repsim.study import parse_study
from workflows.plan import plan_study

STAGES = ("network", "activations", "moments", "profile", "matches")


def keys(text, *overrides):
    """The keys of the first comparison, by stage."""
    spec = plan_study(parse_study(text, overrides)).comparisons[0]
    chain = (
        spec.x.network.folder,
        spec.x.folder,
        spec.moments_folder,
        spec.profile_folder,
        spec.folder,
    )
    return dict(zip(STAGES, chain, strict=True))


@pytest.mark.parametrize(
    ("override", "first"),
    [
        ("matching.epsilons=[0.2, 0.4]", "matches"),
        ("measures=[]", "matches"),
        ("matching.minimal_at=[0.5]", "matches"),
        ("resampling.groups=8", "matches"),
        ("resampling.permutations=3", "matches"),
        ("matching.centred=true", "profile"),
        ("capture.positions=2", "activations"),
        ("capture.examples=30", "activations"),
        ("capture.dtype=float16", "activations"),
        ("capture.seed=1", "activations"),
        ("capture.split=train", "activations"),
        ("training.learning_rate=0.04", "network"),
        ("training.epochs=3", "network"),
        ("training.keep=best", "network"),
        ("model.width=0.3", "network"),
        ("model.output=logits", "network"),
        ("model.name=plain20", "network"),
        ("data.noise=2.0", "network"),
        ("data.seed=1", "network"),
        ("seeds=[5,1]", "network"),
        ("seeds=[{initialisation=0,order=0,augmentation=9},1]", "network"),
    ],
)
def test_what_determines_a_result_changes_its_key_and_those_after_it(tiny_study, override, first):
    if "plain" in override:
        override_all = (override, "model={name='plain20'}", "capture.layers=['type:ReLU']")
    else:
        override_all = (override,)
    before, after = keys(tiny_study), keys(tiny_study, *override_all)
    changed = [stage for stage in STAGES if before[stage] != after[stage]]
    assert changed == list(STAGES[STAGES.index(first) :])


@pytest.mark.parametrize(
    "override",
    [
        "name=another",
        "description=words",
        "seeds=[0,1]",
        "pairs=[[0,1]]",
        "capture.layers=['features.relu4']",
        "capture.layers=['type:ReLU', '*relu4']",
        "matching.epsilons=[0.5,0.2]",
        "matching.restarts=3",
        "matching.seed=1",
        "resampling.level=0.8",
        "resampling.seed=3",
        "across.examples=10",
        "training.momentum=0.9",
    ],
)
def test_what_determines_nothing_changes_no_key(tiny_study, override):
    before = plan_study(parse_study(tiny_study)).comparisons[0]
    after = plan_study(parse_study(tiny_study, (override,))).comparisons
    same = next(spec for spec in after if spec.x.layer == before.x.layer)
    assert same.folder == before.folder
    assert same.x.key == before.x.key


def test_networks_of_other_seeds_and_layers_have_keys_of_their_own(tiny_study):
    plan = plan_study(parse_study(tiny_study))
    assert len({spec.key for spec in plan.networks}) == 3
    assert len({spec.key for group in plan.layers.values() for spec in group}) == 6
    assert len({spec.folder for spec in plan.comparisons}) == 6
    (tile, *_) = tiles_of(plan.comparisons)
    assert tile.part_folder(0, 20) != tile.part_folder(20, 40)


OWN_DATA = """
import numpy as np
from repsim.data import from_arrays

def load(root, shift=0.0):
    images = np.random.default_rng(0).normal(size=(12, 1, 8, 8)) + shift
    labels = np.arange(12) % 3
    return from_arrays(train=(images, labels), test=(images, labels))
"""


def test_data_count_by_content_and_not_by_where_they_lie(tiny_study, tmp_path, monkeypatch):
    (tmp_path / "own_data_of_this_test.py").write_text(textwrap.dedent(OWN_DATA))
    monkeypatch.syspath_prepend(tmp_path)
    name = "own_data_of_this_test:load"
    here = keys(tiny_study, f"data={{name='{name}', root='/here'}}")
    there = keys(tiny_study, f"data={{name='{name}', root='/there'}}")
    other = keys(tiny_study, f"data={{name='{name}', root='/here', shift=0.5}}")
    assert here == there
    assert not set(here.values()) & set(other.values())


OWN_MEASURE = """
from typing import ClassVar
from repsim.measures import MomentsMeasure, Properties

class Trace(MomentsMeasure):
    centred: ClassVar[bool] = True

    @property
    def convention(self):
        return "trace[]"

    @property
    def properties(self):
        return Properties(invariances=frozenset())

    def value(self, moments):
        return {value}
"""


def test_the_code_of_a_measure_of_ones_own_counts(tiny_study, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    specs = []
    for value in ("0.25", "0.5"):
        (tmp_path / "own_measure_of_this_test.py").write_text(OWN_MEASURE.format(value=value))
        monkeypatch.delitem(sys.modules, "own_measure_of_this_test", raising=False)
        importlib.invalidate_caches()
        override = "measures=[{name='own_measure_of_this_test:Trace'}]"
        specs.append(plan_study(parse_study(tiny_study, (override,))).comparisons[0])
    before, now = specs
    (measure,) = now.measures
    assert before.profile_folder == now.profile_folder
    assert before.measure_folder(measure) != now.measure_folder(measure)
    assert before.folder != now.folder
    assert now.loaded(measure).convention == "trace[]"
    with pytest.raises(
        IntegrityError, match="code of the measure 'own_measure_of_this_test:Trace'"
    ):
        before.loaded(measure)  # a worker with other code
