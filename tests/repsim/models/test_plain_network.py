"""What is around a network comes off; its parameters are there; its output is logits."""

import pytest
import torch
from torch import nn

from repsim.errors import StudyError
from repsim.inputs import InputSpec
from repsim.model_layers import layer_table_of
from repsim.models.plain_network import plain_network
from repsim.study import Seed
from repsim.training.state import initial_model

SHAPE = (1, 4, 4)
SEED = Seed(initialisation=3, order=0, augmentation=0)


def network():
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))


def names(model):
    return [layer.name for layer in layer_table_of(lambda: model, InputSpec(shape=SHAPE))]


def compiled(module):
    return torch.compile(module, backend="eager")


def with_method(module):
    module.compile(backend="eager")
    return module


@pytest.mark.parametrize(
    "wrap",
    [
        compiled,
        with_method,
        nn.DataParallel,
        lambda net: compiled(nn.DataParallel(net)),
        lambda net: nn.DataParallel(compiled(net)),
        lambda net: nn.Sequential(*net[:2], compiled(net[2]), nn.DataParallel(net[3])),
    ],
)
def test_wrappers_come_off_with_names_and_weights_as_without(wrap):
    torch.manual_seed(0)
    bare = network()
    torch.manual_seed(0)
    plain = plain_network(wrap(network()), SHAPE)
    assert names(plain) == ["0", "1", "2", "3"]
    assert list(plain.state_dict()) == list(bare.state_dict())
    images = torch.randn(5, *SHAPE)
    assert torch.equal(plain(images), bare(images))


def lazy():
    return nn.Sequential(
        nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Dropout(), nn.Flatten(), nn.LazyLinear(3)
    )


def test_lazy_modules_are_drawn_from_the_seed_and_can_be_trained():
    models = [
        initial_model(lambda: plain_network(lazy(), InputSpec(shape=SHAPE)), SEED) for _ in range(2)
    ]
    for name, value in models[0].state_dict().items():
        assert torch.equal(value, models[1].state_dict()[name]), name
    other = SEED.model_copy(update={"initialisation": 4})
    different = initial_model(lambda: plain_network(lazy(), InputSpec(shape=SHAPE)), other)
    assert not torch.equal(different[0].weight, models[0][0].weight)
    assert all(module.training for module in models[0].modules())
    assert models[0][1].num_batches_tracked == 0
    models[0](torch.randn(2, *SHAPE)).sum().backward()
    assert models[0][4].weight.grad.shape == (3, 16)


def test_lazy_modules_need_no_computing():
    with torch.device("meta"):
        model = plain_network(lazy(), InputSpec(shape=SHAPE))
    assert model[0].weight.is_meta
    assert sum(p.numel() for p in model.parameters()) == 4 * 9 + 4 + 8 + 3 * 16 + 3


def test_lazy_modules_without_a_shape_are_refused():
    class Unused(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.LazyLinear(3), nn.LazyLinear(3)

        def forward(self, images):
            return self.used(images.flatten(1))

    with pytest.raises(StudyError, match=r"every lazy module .* Got none for 'unused\.weight'"):
        plain_network(Unused(), InputSpec(shape=SHAPE))
    broken = nn.Sequential(nn.LazyLinear(3), nn.Linear(5, 2))
    with pytest.raises(StudyError, match=r"images of shape 1x4x4\. Got RuntimeError: "):
        plain_network(broken, InputSpec(shape=SHAPE))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_refused_in_words(dtype):
    message = rf"Expected parameters in float32\. Got {dtype} in '1\.weight'.*Leave out \.half\(\)"
    with pytest.raises(StudyError, match=message):
        plain_network(network().to(dtype), InputSpec(shape=SHAPE))


class Puts(nn.Module):
    """Puts out what its function makes of logits."""

    def __init__(self, function):
        super().__init__()
        self.network, self.function = network(), function

    def forward(self, images):
        return self.function(self.network(images))


class Output:
    """With attributes, as a class of one's own."""

    def __init__(self, logits):
        self.scores, self.features = logits, 2 * logits


@pytest.mark.parametrize(
    ("function", "key"),
    [
        (lambda x: x, None),
        (lambda x: x, "logits"),  # as auxiliary heads are there in training alone
        (lambda x: (x,), None),
        (lambda x: {"out": x, "loss": None}, None),
        (lambda x: {"logits": x, "features": 2 * x}, None),
        (lambda x: {"out": x, "aux": 2 * x}, "out"),
        (lambda x: (2 * x, x), 1),
        (lambda x: [x, 2 * x], -2),
        (lambda x: torch.return_types.topk((x, 2 * x)), 0),
        (Output, "scores"),
    ],
)
def test_the_output_is_logits(function, key):
    model = plain_network(Puts(function), InputSpec(shape=SHAPE), key)
    images = torch.randn(2, *SHAPE)
    assert torch.equal(model(images), model.network(images))
    assert "network.3" in names(model)


@pytest.mark.parametrize(
    ("function", "key", "message"),
    [
        (
            lambda x: {"out": x, "aux": x},
            None,
            r"Got a dict with 'out' of shape \(2, 3\), 'aux' of .*model\.output = \"out\"\.",
        ),
        (lambda x: (x, x), None, r"Got a tuple with 0 of shape .*model\.output = 0\."),
        (lambda x: None, None, r"Got a NoneType with no tensor"),
        (lambda x: {"out": x}, "logits", r"at model\.output = 'logits'\. Got a dict with 'out'"),
        (lambda x: (x, x), 2, r"at model\.output = 2\. Got a tuple with 0 of shape"),
        (lambda x: (x, x), "logits", r"at model\.output = 'logits'"),
    ],
)
def test_logits_that_are_not_there_are_refused(function, key, message):
    model = plain_network(Puts(function), InputSpec(shape=SHAPE), key)
    with pytest.raises(StudyError, match=message):
        model(torch.randn(2, *SHAPE))


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:FutureWarning")
def test_scripted_models_are_refused():
    with pytest.raises(StudyError, match=r"Got a RecursiveScriptModule: leave out torch\.jit"):
        plain_network(torch.jit.script(network()), SHAPE)
