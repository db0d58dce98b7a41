"""From a study to what it takes: all that the study names is checked before anything starts."""

import time

import pytest

from repsim import registry
from repsim.errors import StudyError
from repsim.study import parse_study
from workflows.plan import plan_study


def plan(text, *overrides):
    return plan_study(parse_study(text, overrides))


def test_every_network_pair_and_layer_has_its_place(tiny_study):
    planned = plan(tiny_study)
    assert [spec.label for spec in planned.networks] == ["seed 0", "seed 1", "seed 2"]
    assert {label: [x.layer for x in group] for label, group in planned.layers.items()} == {
        label: ["features.relu4", "classifier.relu1"] for label in ("seed 0", "seed 1", "seed 2")
    }
    assert [spec.label for spec in planned.comparisons] == [
        f"seed {a} / seed {b}, {layer}"
        for a, b in ((0, 1), (0, 2), (1, 2))
        for layer in ("features.relu4", "classifier.relu1")
    ]


def test_layers_stand_in_the_order_of_execution_however_they_are_asked_for(tiny_study):
    asked = "capture.layers=['classifier.relu1', 'features.relu4', '*.relu1']"
    planned = plan(tiny_study, asked)
    layers = planned.layers["seed 0"]
    assert [x.layer for x in layers] == ["features.relu1", "features.relu4", "classifier.relu1"]
    assert [x.depth for x in layers] == sorted(x.depth for x in layers)


def test_sizes_are_those_of_the_activations(tiny_study):
    conv, units = plan(tiny_study).layers["seed 0"]
    assert (conv.neurons, conv.positions, conv.examples) == (10, 4, 40)
    assert (units.neurons, units.positions) == (6, 1)
    assert conv.bytes == 40 * 4 * 10 * 4
    sampled = plan(
        tiny_study, "capture.positions=3", "capture.examples=9", "capture.dtype=float16"
    ).layers["seed 0"]
    assert [(x.positions, x.total_positions) for x in sampled] == [(3, 4), (1, 1)]
    assert sampled[0].bytes == 9 * 3 * 10 * 2


def test_only_the_pairs_that_are_asked_for_are_compared(tiny_study):
    planned = plan(tiny_study, "pairs=[[2,0]]")
    assert {(c.x.network.label, c.y.network.label) for c in planned.comparisons} == {
        ("seed 2", "seed 0")
    }
    assert len(planned.networks) == 3


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("data.name=digit", "Expected a known dataset. Got 'digit'. Did you mean 'digits'?"),
        ("data.exampels=3", "option of dataset 'synthetic'. Got 'exampels'. Did you mean 'example"),
        ("data.examples=0", "'examples' of dataset 'synthetic': greater than or equal to 1. Got 0"),
        ("data={name='nowhere:load'}", "Got ModuleNotFoundError: No module named 'nowhere'"),
        ("model.name=small_cn", "Expected a known model. Got 'small_cn'. Did you mean 'small_cnn'"),
        ("model.name=resnet50", "Did you mean 'torchvision.resnet50'?"),
        ("model.widht=2", "Expected a known option of model 'small_cnn'. Got 'widht'. Did you mea"),
        ("model.width='wide'", "'width' of model 'small_cnn': a valid number. Got 'wide'."),
        ("capture.layers=['type:Relu']", "Got 'type:Relu', which selects none. Did you mean 'type"),
        ("capture.layers=['feature.*']", "Got 'feature.*', which selects none. Names like it: fea"),
        ("capture.layers=['*', 'fc1']", "Got 'fc1', which selects none."),
        ("measures=[{name='ckaa'}]", "Expected a known measure. Got 'ckaa'. Did you mean 'cka'?"),
        ("measures=[{name='cka', x=1}]", "Expected a known option of measure 'cka'. Got 'x'."),
        ("measures=[{name='maximum_match', epsilon=0.3}]", "list its ε in matching.epsilons."),
        ("capture.examples=41", "Expected capture.examples to be at most 40, the size of the test"),
    ],
)
def test_a_name_that_is_not_known_is_refused_with_the_nearest(tiny_study, override, said):
    with pytest.raises(StudyError) as caught:
        plan(tiny_study, override)
    assert said in str(caught.value)


def test_as_many_examples_as_there_are_can_be_asked_for(tiny_study):
    assert plan(tiny_study, "capture.examples=40").layers["seed 0"][0].examples == 40
    assert plan(tiny_study, "capture.split=train").layers["seed 0"][0].examples == 60


def test_planning_does_not_depend_on_the_state_of_torch(tiny_study):
    import torch

    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    keys = [spec.folder for spec in plan(tiny_study).comparisons]
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    assert [spec.folder for spec in plan(tiny_study).comparisons] == keys


SORTED = """
import torch
from torch import nn

class Sorted(nn.Module):
    def forward(self, maps):
        return maps.sort(dim=3).values

def model(inputs, outputs):
    maps = nn.Conv2d(1, 4, 3), Sorted(), nn.ReLU()
    return nn.Sequential(*maps, nn.Flatten(), nn.LazyLinear(outputs))
"""


@pytest.fixture
def of_sorted(tiny_study, tmp_path, monkeypatch):
    """The tiny study with a model of one's own, two layers of which are in doubt."""
    (tmp_path / "model_with_sorting.py").write_text(SORTED)
    monkeypatch.syspath_prepend(tmp_path)
    study = tiny_study.replace(
        'name = "small_cnn"\nwidth = 0.2', 'name = "model_with_sorting:model"'
    )
    return study.replace('layers = ["features.relu4", "classifier.relu1"]', 'layers = ["*"]')


def test_axes_are_settled_for_layers_in_doubt_and_count_in_their_keys_alone(of_sorted):
    found = plan(of_sorted)
    assert found.in_doubt == ("1", "2")
    assert [x.layer for x in found.layers["seed 0"]] == ["0", "3", "4"]
    settled = plan(of_sorted, 'capture.axes={"type:*" = "last"}')
    assert settled.in_doubt == ()
    layers = {x.layer: x for x in settled.layers["seed 0"]}
    assert [(x.neurons, x.total_positions) for x in layers.values()] == [
        *((4, 36), (6, 24), (6, 24), (144, 1), (3, 1))
    ]
    assert [layers[x.layer].key for x in found.layers["seed 0"]] == [
        x.key for x in found.layers["seed 0"]
    ]
    first = plan(of_sorted, 'capture.axes={"type:*" = "first"}').layers["seed 0"]
    assert [x.layer for x in first if x.key != layers[x.layer].key] == ["1", "2"]


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ('{"relus" = "last"}', "Got 'relus', which selects none."),
        ('{"1" = "middle"}', "'first' or 'last'. Got 'middle'"),
        ("last", "'capture.axes'"),
    ],
)
def test_axes_are_checked(of_sorted, axes, said):
    with pytest.raises(StudyError) as caught:
        plan(of_sorted, f"capture.axes={axes}")
    assert said in str(caught.value)


def test_the_output_of_a_model_is_part_of_its_network(tiny_study):
    before = plan(tiny_study).networks[0]
    assert plan(tiny_study, "model.output=logits").networks[0].key != before.key
    assert "output" not in before.parameters["model"]
    with pytest.raises(StudyError, match=r"'model\.output'"):
        plan(tiny_study, "model.output=1.5")


def test_a_study_of_too_many_comparisons_is_refused_in_seconds(tiny_study: str) -> None:
    seeds = str(list(range(2000)))
    study = parse_study(tiny_study.replace("[0, 1, 2]", seeds))
    before = time.monotonic()
    with pytest.raises(StudyError, match=r"50,000 .*Got 3,998,000: 1,999,000 pairs of 2,000") as no:
        plan_study(study)
    assert time.monotonic() - before < 20
    assert "raise most_comparisons" in str(no.value)
    few = parse_study(tiny_study.replace("seeds", "most_comparisons = 5\nseeds"))
    with pytest.raises(StudyError, match="Got 6: 3 pairs of 3 networks × 2 layers"):
        plan_study(few)


def test_measures_are_listed_once(monkeypatch: pytest.MonkeyPatch, tiny_study: str) -> None:
    plan = plan_study(parse_study(tiny_study))
    monkeypatch.setattr(registry.pkgutil, "iter_modules", lambda *a: pytest.fail("a folder listed"))
    assert [spec.folder for spec in plan.comparisons]
