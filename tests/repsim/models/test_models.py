import sys
import textwrap

import pytest
import torch
import torchvision

from repsim.errors import StudyError
from repsim.inputs import InputSpec
from repsim.models import build_model, default_input, model_names

CIFAR = {"inputs": InputSpec(shape=(3, 32, 32)), "outputs": 10}


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    text = """
        from torch import nn

        def linear(*, inputs, outputs, bias=True):
            c, h, w = inputs.shape
            return nn.Sequential(nn.Flatten(), nn.Linear(c * h * w, outputs, bias=bias))

        def words(*, inputs, outputs):
            return "a network"

        def earlier(*, classes, image_shape):
            return nn.Linear(image_shape[0], classes)
    """
    (tmp_path / "own_model_of_a_test.py").write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(tmp_path)
    yield "own_model_of_a_test"
    sys.modules.pop("own_model_of_a_test", None)


def test_names_are_those_of_the_files_and_of_torchvision():
    names = model_names()
    assert {"vgg16", "vgg16_bn", "plain44", "resnet18", "small_cnn"} <= set(names)
    from_torchvision = {name for name in names if name.startswith("torchvision.")}
    listed = torchvision.models.list_models(module=torchvision.models)
    assert from_torchvision == {f"torchvision.{name}" for name in listed}
    assert list(names) == sorted(set(names))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "plian20",
            r"model. Got 'plian20'. Did you mean 'plain20'\?.*'torchvision.NAME'.*package.module",
        ),
        ("resnet50", r"Got 'resnet50'. Did you mean 'torchvision.resnet50'\?"),
        ("torchvision.resnet43", r"Got 'torchvision.resnet43'. Near ones: .*torchvision.resnet34"),
        ("torchvision.xxxxxxxx", r"Got 'torchvision.xxxxxxxx'. Near ones: none"),
        ("builder", r"Expected a known model"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name, message):
    with pytest.raises(StudyError, match=message):
        build_model(name, {}, **CIFAR)
    with pytest.raises(StudyError, match=message):
        default_input(name)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("resnet20", {"witdh": 2}, r"option of model 'resnet20'. Got 'witdh'. .*'width'"),
        ("resnet20", {"width": 0}, r"'width' of model 'resnet20'.*greater than 0"),
        ("small_cnn", {"batch_norm": "yes"}, r"'batch_norm' of model 'small_cnn'.*boolean"),
        ("vgg16", {"dropout": 0.5}, r"option of model 'vgg16'. Got 'dropout'. Known: none"),
        ("torchvision.resnet18", {"weights": "DEFAULT"}, r"Got 'weights'. Known: none"),
    ],
)
def test_wrong_options_are_refused(name, options, message):
    with pytest.raises(StudyError, match=message):
        build_model(name, options, **CIFAR)


def test_inputs_to_look_at_the_layers_with():
    assert default_input("vgg16") == (InputSpec(shape=(3, 32, 32)), 10)
    assert default_input("small_cnn") == (InputSpec(shape=(1, 16, 16)), 10)
    assert default_input("torchvision.vgg16") == (InputSpec(shape=(3, 224, 224)), 1000)
    assert default_input("torchvision.inception_v3") == (InputSpec(shape=(3, 299, 299)), 1000)


def test_a_model_of_ones_own_is_called_by_its_path(own_module):
    network = build_model(
        f"{own_module}:linear", {"bias": False}, inputs=InputSpec(shape=(1, 2, 2)), outputs=3
    )
    assert network(torch.zeros(5, 1, 2, 2)).shape == (5, 3)
    assert network[1].bias is None


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        ("earlier", {}, r"Got a function of classes and image_shape, .* Write outputs for classes"),
        ("words", {}, r"to return a torch.nn.Module. Got str"),
        ("linera", {}, r"Got 'linera'. Did you mean 'linear'"),
        ("linear", {"bais": False}, r"Got 'bais'. Did you mean 'bias'"),
        ("linear", {"outputs": 5}, r"repsim passes these itself. Got outputs"),
    ],
)
def test_a_model_of_ones_own_is_checked(own_module, function, options, message):
    with pytest.raises(StudyError, match=message):
        build_model(f"{own_module}:{function}", options, **CIFAR)


def test_torchvision_models_have_the_weights_of_the_seed_and_none_is_fetched(monkeypatch):
    def fetch(*_, **__):
        raise AssertionError("weights were fetched")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fetch)
    torch.manual_seed(0)
    network = build_model(
        "torchvision.squeezenet1_1", {}, inputs=InputSpec(shape=(3, 64, 64)), outputs=7
    )
    torch.manual_seed(0)
    reference = torchvision.models.squeezenet1_1(weights=None, num_classes=7)
    assert network.state_dict().keys() == reference.state_dict().keys()
    for name, value in reference.state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name


@pytest.mark.parametrize("name", ["regnet_y_400mf", "swin_t", "shufflenet_v2_x0_5", "mnasnet0_5"])
def test_torchvision_models_of_every_make_can_be_built(name):
    network = build_model(f"torchvision.{name}", {}, inputs=InputSpec(shape=(3, 64, 64)), outputs=4)
    assert network.training
    assert not any(parameter.is_meta for parameter in network.parameters())


def test_bare_resnet18_is_the_one_for_cifar():
    network = build_model("resnet18", {}, **CIFAR)
    assert network.conv1.kernel_size == (3, 3)
    other = build_model("torchvision.resnet18", {}, **CIFAR)
    assert other.conv1.kernel_size == (7, 7)


def test_auxiliary_heads_are_left_out():
    network = build_model(
        "torchvision.googlenet", {}, inputs=InputSpec(shape=(3, 64, 64)), outputs=5
    )
    assert network.training
    assert network(torch.zeros(2, 3, 64, 64)).shape == (2, 5)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        (
            "torchvision.vit_b_16",
            (3, 32, 32),
            r"shape that torchvision.vit_b_16 accepts. Got images of shape 3x32x32",
        ),
        (
            "torchvision.resnet18",
            (1, 32, 32),
            r"resnet18 accepts. Got images of shape 1x32x32",
        ),
        (
            "torchvision.alexnet",
            (3, 32, 32),
            r"alexnet accepts. Got images of shape 3x32x32",
        ),
    ],
)
def test_images_that_a_torchvision_model_cannot_take_are_refused_at_once(name, shape, message):
    with pytest.raises(StudyError, match=message):
        build_model(name, {}, inputs=InputSpec(shape=shape), outputs=10)
