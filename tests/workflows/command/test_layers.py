"""repsim layers: what a model has, and what a pattern selects."""

import io
import re

import pytest
from rich.console import Console

from repsim.models import model_names
from workflows.command.output import columns


def test_a_model_is_listed_in_the_order_of_execution(repsim):
    ran = repsim("layers", "small_cnn")
    assert ran.code == 0
    assert "0 features.conv1 Conv2d 16×16×16 16 256" in ran.out
    assert "classifier.fc2 Linear 10 10 1" in ran.out
    assert ran.out.endswith("13 of 13 layers, for images of shape 1x16x16.")
    assert ran.out.index("features.relu4") < ran.out.index("classifier.relu1")


def test_patterns_select_by_name_and_by_type(repsim):
    ran = repsim("layers", "vgg16", "--pattern", "features.*", "--pattern", "type:Linear")
    assert ran.code == 0
    assert re.search(r"(\d+) of \d+ layers, for images of shape 3x32x32\.$", ran.out)
    assert "Conv2d" in ran.out
    assert "Linear" in ran.out
    relu = repsim("layers", "vgg16", "--pattern", "type:ReLU")
    assert relu.out.count("ReLU") == int(re.search(r"(\d+) of", relu.out)[1]) == 15


def test_the_shape_of_an_image_can_be_given(repsim):
    ran = repsim("layers", "small_cnn", "--image-shape", "3x32x32", "--pattern", "*.conv1")
    assert "0 features.conv1 Conv2d 16×32×32 16 1024" in ran.out
    assert ran.out.endswith("1 of 13 layers, for images of shape 3x32x32.")


def test_the_length_of_sequences_can_be_given(repsim):
    ran = repsim("layers", "gru", "--image-shape", "12", "--pattern", "gru.*")
    assert "2 gru.0 GRU 12×200 200 12" in ran.out
    assert ran.out.endswith("2 of 7 layers, for sequences of 12 ids below 10000.")


def test_the_length_of_vectors_can_be_given(repsim):
    ran = repsim("layers", "mlp", "--image-shape", "12")
    assert "4 output Linear 10 10 1" in ran.out
    assert ran.out.endswith("5 of 5 layers, for vectors of 12 numbers.")


def test_modules_are_shown_as_they_are_nested(repsim):
    ran = repsim("layers", "resnet20", "--tree")
    assert ran.code == 0
    assert "├── stage1 │ ├── 0 BasicBlock 16×32×32 block │ │ ├── conv1 Conv2d 16×32×32" in ran.out
    ran = repsim("layers", "resnet20", "--tree", "--pattern", "blocks")
    assert ran.out.count("block") == 9
    assert "conv1" not in ran.out


@pytest.mark.parametrize("model", ["plain20", "resnet20", "vgg11_bn"])
def test_other_models_have_layers_too(repsim, model):
    assert model in model_names()
    assert repsim("layers", model).code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("vgg-16",), "Expected a known model. Got 'vgg-16'. Did you mean 'vgg16'?"),
        (("resnet50",), "Did you mean 'torchvision.resnet50'?"),
        (("no.such:model",), "Got ModuleNotFoundError"),
        (("small_cnn", "--pattern", "fetures.*"), "Got 'fetures.*', which selects none."),
        (("small_cnn", "--pattern", "blocks"), "This model repeats no block."),
        (("small_cnn", "--pattern", "type:relu"), "Did you mean 'type:ReLU'?"),
        (("small_cnn", "--image-shape", "3x32"), "Got arrays of shape 3x32."),
        (("small_cnn", "--image-shape", "3x32xa"), "Got '3x32xa'."),
        (("small_cnn", "--image-shape", "3x0x32"), "Got '3x0x32'."),
        (("small_cnn", "--image-shape", "3x32x²"), "Got '3x32x²'."),
        (("small_cnn", "--image-shape", "1x2x2"), "Expected image sides of at least 4 pixels"),
    ],
)
def test_what_cannot_be_listed_is_refused_with_the_nearest(repsim, arguments, said):
    ran = repsim("layers", *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


LONG = "block_with_a_long_name_" * 5


@pytest.fixture
def own_model(tmp_path, monkeypatch):
    (tmp_path / "model_with_long_names.py").write_text(
        f"""
import torch
from torch import nn

class Sorted(nn.Module):
    def forward(self, maps):
        return maps.sort(dim=3).values

def model(inputs, outputs):
    net = nn.Sequential()
    net.add_module("{LONG}conv", nn.Conv2d(3, 8, 3))
    net.add_module("{LONG}sorted", Sorted())
    net.add_module("{LONG}flat", nn.Flatten())
    net.add_module("{LONG}head", nn.LazyLinear(outputs))
    return net
"""
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "model_with_long_names:model"


def test_names_are_whole_in_a_pipe_and_doubt_is_told(repsim, own_model):
    ran = repsim("layers", own_model)
    assert f"0 {LONG}conv Conv2d 8×30×30 8 900 1 {LONG}sorted Sorted 8×30×30 in doubt" in ran.out
    assert '[capture.axes] "NAME" = "first" or "last"' in ran.out


def test_a_narrow_terminal_folds_names_and_cuts_none():
    table = columns("layer", "neurons")
    table.add_row(LONG, "8")
    narrow = Console(width=40, file=io.StringIO(), force_terminal=True, no_color=True)
    with narrow.capture() as captured:
        narrow.print(table)
    folded = re.sub(r"\s|layer|neurons|8|\x1b\[[0-9;]*m", "", captured.get())
    assert folded == LONG
