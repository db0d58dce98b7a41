"""A model that cannot be used is exit code 2 from plan and run, and nothing is made."""

import pytest

from repsim.stages import trial

MODEL = """
import torch
from torch import nn

class Two(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        logits = self.network(images)
        return {"out": logits, "aux": 2 * logits}

def model(inputs, outputs, kind="plain"):
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, outputs))
    match kind:
        case "double":
            return net.double()
        case "half":
            return net.half()
        case "two":
            return Two(net)
        case "few":
            return net.append(nn.Linear(outputs, 2))
        case "broken":
            raise KeyError("weights")
        case "compiled":
            return torch.compile(nn.DataParallel(net), backend="eager")
    return net

def two(inputs, outputs):
    return model(inputs, outputs, "two")
"""


@pytest.fixture
def study(tiny_study, tmp_path, monkeypatch):
    (tmp_path / "unusable_model.py").write_text(MODEL)
    monkeypatch.syspath_prepend(tmp_path)
    text = tiny_study.replace('name = "small_cnn"\nwidth = 0.2', 'name = "unusable_model:model"')
    text = text.replace('"features.relu4", "classifier.relu1"', '"type:ReLU"')
    file = tmp_path / "tiny.toml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("double", "Got RuntimeError in a forward pass in layer '1' (Linear)"),
        ("half", "Got torch.float16 in '1.weight'"),
        ("two", 'model.output = "out"'),
        ("few", "Got (2, 2)"),
        ("broken", "Got KeyError: 'weights'"),
    ],
)
def test_unusable_models_are_refused_before_anything_is_trained(
    repsim, study, tmp_path, kind, said
):
    store = tmp_path / "runs"
    for verb in (("plan",), ("run", "--engine", "inline")):
        ran = repsim(*verb, study, "--store", store, "--set", f"model.kind={kind}")
        assert ran.code == 2
        assert said in ran.err
        assert "Traceback" not in ran.err
        assert not (store / "networks").exists()
        assert not (store / "checkpoints").exists()


@pytest.mark.parametrize("settings", [("kind=compiled",), ("kind=two", "output=out")])
def test_wrapped_models_and_named_outputs_run_to_the_report(repsim, study, tmp_path, settings):
    overrides = [word for each in settings for word in ("--set", f"model.{each}")]
    arguments = (study, "--store", tmp_path / "runs", *overrides)
    ran = repsim("run", *arguments, "--engine", "inline")
    assert ran.code == 0
    assert "Made 3 networks and 3 comparisons" in ran.out


def test_only_what_is_to_be_trained_is_tried(repsim, study, tmp_path, monkeypatch):
    tried = []

    def count(networks, layers):
        labels = [network.label for network in networks]
        tried.extend([(labels[0], [layer.layer for layer in layers[labels[0]]])] if labels else [])

    monkeypatch.setattr(trial, "try_networks", count)
    arguments = (study, "--store", tmp_path / "runs")
    assert repsim("plan", *arguments).code == 0
    assert repsim("run", *arguments, "--engine", "inline").code == 0
    assert tried == [("seed 0", ["2"])] * 2
    assert repsim("run", *arguments, "--engine", "inline").code == 0
    assert repsim("plan", *arguments).code == 0
    assert repsim("status", *arguments).code == 0
    assert len(tried) == 2


@pytest.mark.usefixtures("study")
def test_layers_takes_the_output_too(repsim):
    options = ("unusable_model:two", "--image-shape", "1x8x8")
    assert 'model.output = "out"' in repsim("layers", *options).err
    assert "network.2 ReLU 6 6 1" in repsim("layers", *options, "--output", "aux").out
