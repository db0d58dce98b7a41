"""Keys: what determines a result changes its key, and nothing else does."""

import textwrap

import pytest

from repsim.study import parse_study
from repsim.tasks.specs import tiles_of
from workflows.plan import plan_study

STAGES = ("network", "activations", "moments", "profile", "matches")


def keys(text, *overrides):
    """The keys of the first comparison, by stage."""
    spec = plan_study(parse_study(text, overrides)).comparisons[0]
    chain = (spec.x.network.key, spec.x.key, spec.moments_key, spec.profile_key, spec.key)
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
    assert same.key == before.key
    assert same.x.key == before.x.key


def test_networks_of_other_seeds_and_layers_have_keys_of_their_own(tiny_study):
    plan = plan_study(parse_study(tiny_study))
    assert len({spec.key for spec in plan.networks}) == 3
    assert len({spec.key for group in plan.layers.values() for spec in group}) == 6
    assert len({spec.key for spec in plan.comparisons}) == 6
    (tile, *_) = tiles_of(plan.comparisons)
    assert tile.part_key(0, 20) != tile.part_key(20, 40) != tile.key


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
