"""Layers, parameters, initial weights and outputs of the models that repsim comes with."""

import pytest
import torch
from torch import nn

from repsim.errors import StudyError
from repsim.inputs import InputSpec
from repsim.models import build_model, default_input, model_names

OWN = [name for name in model_names() if not name.startswith("torchvision.")]


def build(name, outputs=10, shape=None, **options):
    inputs = default_input(name)[0] if shape is None else InputSpec(shape=shape)
    return build_model(name, options, inputs=inputs, outputs=outputs)


def count(network, kind):
    return sum(isinstance(module, kind) for module in network.modules())


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def relus(network):
    return [name for name, module in network.named_modules() if isinstance(module, nn.ReLU)]


@pytest.mark.parametrize("name", OWN)
def test_logits_come_out_and_every_relu_runs_exactly_once_on_its_own(name):
    inputs, outputs = default_input(name)
    with torch.device("meta"):
        network = build(name, outputs)
        seen = []
        for layer in relus(network):
            hook = lambda *_, layer=layer: seen.append(layer)  # noqa: E731
            network.get_submodule(layer).register_forward_hook(hook)
        logits = network(inputs.zeros(2))
    tokens = () if inputs.vocabulary is None else inputs.shape
    assert logits.shape == (2, *tokens, outputs)
    assert sorted(seen) == sorted(relus(network))
    assert not any(module.inplace for module in network.modules() if isinstance(module, nn.ReLU))


@pytest.mark.parametrize(
    ("name", "convolutions", "in_features"),
    [
        # Weights and biases of the published configurations A, B, D and E.
        ("vgg11", 8, 9_220_480),
        ("vgg13", 10, 9_404_992),
        ("vgg16", 13, 14_714_688),
        ("vgg19", 16, 20_024_384),
    ],
)
def test_vgg_has_the_published_convolutions_and_the_small_head(name, convolutions, in_features):
    network = build(name)
    assert count(network, nn.Conv2d) == convolutions
    assert count(network, nn.Linear) == 3
    assert count(network, nn.Dropout) == 0
    assert parameters(network.features) == in_features
    assert parameters(network.classifier) == 2 * (512 * 512 + 512) + 512 * 10 + 10
    with_norm = build(f"{name}_bn")
    assert count(with_norm, nn.BatchNorm2d) == convolutions
    assert relus(network)[:2] == ["features.1", "features.4" if name == "vgg11" else "features.3"]
    assert relus(network)[-2:] == ["classifier.1", "classifier.3"]
    assert len(relus(with_norm)) == convolutions + 2


@pytest.mark.parametrize("layers", [20, 32, 34, 42, 44, 56])
def test_plain_networks_have_as_many_layers_as_their_name_says(layers):
    network = build(f"plain{layers}")
    assert count(network, nn.Conv2d) == count(network, nn.BatchNorm2d) == layers - 1
    assert count(network, nn.Linear) == 1
    assert relus(network) == [f"features.relu{number}" for number in range(1, layers)]


@pytest.mark.parametrize(
    ("name", "widths"), [("plain44", [15, 14, 14]), ("plain42", [11, 10, 10, 10])]
)
def test_plain_stages(name, widths):
    convolutions = [m for m in build(name).modules() if isinstance(m, nn.Conv2d)]
    stages = [[c for c in convolutions if c.out_channels == 16 * 2**k] for k in range(len(widths))]
    assert [len(stage) for stage in stages] == widths
    for number, stage in enumerate(stages):
        first = (2, 2) if number else (1, 1)
        assert [c.stride for c in stage] == [first] + [(1, 1)] * (len(stage) - 1)


def test_conv11_has_the_published_widths_and_strides():
    with torch.device("meta"):
        network = build("conv11")
        features = network.features(torch.empty(2, 3, 32, 32))
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == [64] * 2 + [128] * 3 + [256] * 3 + [512] * 3
    assert [c.stride[0] for c in convolutions] == [1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 1]
    assert {c.kernel_size for c in convolutions} == {(3, 3)}
    assert count(network, nn.BatchNorm2d) == len(relus(network)) == 11
    assert features.shape == (2, 512, 4, 4)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Option A of He et al. 2016, table 6 (0.27M, 0.46M, 0.66M, 0.85M, 1.7M).
        ("resnet20", 269_722),
        ("resnet32", 464_154),
        ("resnet44", 658_586),
        ("resnet56", 853_018),
        ("resnet110", 1_727_962),
        # The ImageNet networks with a 3×3 stem and ten classes.
        ("resnet18", 11_173_962),
        ("resnet34", 21_282_122),
    ],
)
def test_resnets_have_the_known_number_of_parameters(name, expected):
    with torch.device("meta"):
        network = build(name)
    assert parameters(network) == expected


@pytest.mark.parametrize(("name", "projections"), [("resnet20", 0), ("resnet18", 3)])
def test_resnets_have_as_many_layers_as_their_name_says(name, projections):
    network = build(name)
    layers = int(name.removeprefix("resnet"))
    assert count(network, nn.Conv2d) - projections == layers - 1
    assert len(relus(network)) == layers - 1
    assert relus(network)[:3] == ["relu1", "stage1.0.relu1", "stage1.0.relu2"]


def test_relu2_of_a_block_follows_the_addition():
    torch.manual_seed(0)
    network = build("resnet20").eval()
    block = network.stage2[0]
    features = torch.randn(2, 16, 8, 8)
    branch = block.bn2(block.conv2(block.relu1(block.bn1(block.conv1(features)))))
    shortcut = torch.zeros(2, 32, 4, 4)
    shortcut[:, 8:24] = features[:, :, ::2, ::2]
    torch.testing.assert_close(block(features), torch.relu(branch + shortcut))


@pytest.mark.parametrize("name", ["resnet20", "resnet18", "conv11", "small_cnn"])
def test_width_scales_every_layer(name):
    narrow, wide = build(name), build(name, width=2.0)
    for one, two in zip(narrow.modules(), wide.modules(), strict=True):
        if isinstance(one, nn.Conv2d):
            assert two.out_channels == 2 * one.out_channels
    assert build(name, width=0.01)(default_input(name)[0].zeros(2)).shape == (2, 10)


def test_small_cnn_is_narrow_and_its_layers_have_names():
    network = build("small_cnn")
    assert relus(network) == [*(f"features.relu{k}" for k in (1, 2, 3, 4)), "classifier.relu1"]
    assert network.classifier.fc1.out_features == 32
    assert count(network, nn.BatchNorm2d) == 0
    assert count(build("small_cnn", batch_norm=True), nn.BatchNorm2d) == 4


@pytest.mark.parametrize("shape", [(1, 4, 4), (3, 32, 32), (1, 9, 13)])
def test_small_cnn_takes_any_image_that_can_be_halved_twice(shape):
    network = build("small_cnn", outputs=3, shape=shape)
    assert network(torch.zeros(2, *shape)).shape == (2, 3)


@pytest.mark.parametrize("name", ["vgg16", "vgg11_bn", "plain20", "resnet18"])
def test_initial_weights(name):
    torch.manual_seed(0)
    network = build(name)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.out_channels * module.kernel_size[0] * module.kernel_size[1]
            expected = (2 / fan_out) ** 0.5
            # Five standard errors of a standard deviation from this many draws.
            tolerance = 5 / (2 * module.weight.numel()) ** 0.5
            assert module.weight.std().item() == pytest.approx(expected, rel=tolerance)
            assert module.bias is None or not module.bias.any()
        elif isinstance(module, nn.Linear):
            tolerance = 5 / (2 * module.weight.numel()) ** 0.5
            assert module.weight.std().item() == pytest.approx(0.01, rel=tolerance)
            assert not module.bias.any()
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all()
            assert not module.bias.any()


def test_weights_are_those_of_the_global_seed():
    def weights(seed):
        torch.manual_seed(seed)
        return torch.cat([p.flatten() for p in build("plain20").parameters()])

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("vgg16", (3, 16, 16), r"from 32 to 63 pixels for vgg16, .* Got 16x16. Resize"),
        ("vgg11_bn", (3, 32, 224), r"from 32 to 63 pixels for vgg11, .* Got 32x224"),
        ("small_cnn", (1, 3, 8), r"at least 4 pixels for small_cnn.* Got 3x8"),
    ],
)
def test_images_of_a_wrong_size_are_refused(name, shape, message):
    with pytest.raises(StudyError, match=message):
        build(name, shape=shape)


def test_vgg_takes_the_largest_image_it_accepts():
    assert build("vgg11", shape=(1, 63, 63))(torch.zeros(1, 1, 63, 63)).shape == (1, 10)


def test_small_cnn_learns_synthetic_images():
    from repsim.data import load_data

    source = load_data("synthetic", {"examples": 640, "test_examples": 200})
    torch.manual_seed(0)
    network = build("small_cnn")
    # At 0.05 the number of threads, that is rounding, decides whether it trains at all.
    optimiser = torch.optim.SGD(network.parameters(), lr=0.02, momentum=0.9)
    cpu = torch.device("cpu")
    every = torch.arange(640).numpy()
    for _ in range(4):
        for images, labels in source.train.batches(
            every, batch_size=32, augmentation=None, device=cpu
        ):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(images), labels).backward()
            optimiser.step()
    images, labels = next(
        source.test.batches(every[:200], batch_size=200, augmentation=None, device=cpu)
    )
    assert (network(images).argmax(dim=1) == labels).float().mean() > 0.95
