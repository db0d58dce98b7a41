"""What a model consists of: names, shapes and dtypes, and no value."""

import pytest
import torch
from torch import nn

from repsim.model_layers import repeated_blocks, structure_digest, structure_of
from repsim.models import build_model, default_input


def model(width=4, **options):
    return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width, **options), nn.ReLU())


def test_values_do_not_count():
    torch.manual_seed(0)
    first = structure_digest(model())
    torch.manual_seed(1)
    assert structure_digest(model()) == first == structure_of(model)


@pytest.mark.parametrize(
    "other",
    [
        lambda: model(width=5),
        lambda: model(affine=False),
        lambda: model(track_running_stats=False),
        lambda: model().double(),
        lambda: nn.Sequential(*model(), nn.Linear(4, 1)),
        lambda: nn.ModuleDict({"0": nn.Linear(3, 4), "norm": nn.BatchNorm1d(4)}),
    ],
)
def test_names_shapes_dtypes_and_buffers_count(other):
    assert structure_digest(other()) != structure_digest(model())


def test_shared_weights_have_all_their_names():
    tied = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
    apart = structure_digest(tied)
    tied["b"].weight = tied["a"].weight
    assert structure_digest(tied) == apart


def test_a_lazy_layer_has_no_shape_yet():
    assert structure_digest(nn.LazyLinear(3)) != structure_digest(nn.LazyLinear(3).double())


def test_a_model_that_needs_values_is_built_on_the_cpu():
    def build():
        layer = nn.Linear(2, 2)
        layer.weight.sum().item()
        return layer

    assert structure_of(build) == structure_digest(nn.Linear(2, 2))


@pytest.mark.parametrize(
    ("name", "first", "count"),
    [
        ("resnet20", "stage1.0", 9),
        ("torchvision.vit_b_16", "encoder.layers.encoder_layer_0", 12),
        ("torchvision.googlenet", "inception3a", 9),
        ("timm.convnext_tiny", "stages.0", 4),
        ("small_cnn", None, 0),
        ("vgg16", None, 0),
    ],
)
def test_blocks_are_what_a_model_is_said_to_have_so_many_of(name, first, count):
    inputs, outputs = default_input(name)
    with torch.device("meta"):
        blocks = repeated_blocks(build_model(name, {}, inputs=inputs, outputs=outputs))
    assert len(blocks) == count
    assert first is None or first in blocks
