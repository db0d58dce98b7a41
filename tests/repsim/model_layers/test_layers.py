import pytest
import torch
from torch import nn
from torch.nn import functional

from repsim.errors import StudyError
from repsim.inputs import InputSpec
from repsim.model_layers import layer_table, layer_table_of

SHAPE = (2, 6, 6)


def rows(table):
    return [(x.name, x.type, x.shape, x.neurons, x.positions) for x in table]


def test_calls_are_listed_in_order_and_repeated_ones_numbered(model):
    table = layer_table(model, InputSpec(shape=SHAPE))
    assert rows(table) == [
        ("first", "Conv2d", (5, 6, 6), 5, 36),
        ("relu@1", "ReLU", (5, 6, 6), 5, 36),
        ("second", "Conv2d", (5, 3, 3), 5, 9),
        ("relu@2", "ReLU", (5, 3, 3), 5, 9),
        ("head.0", "Flatten", (45,), 45, 1),
        ("head.1", "Linear", (7,), 7, 1),
        ("relu@3", "ReLU", (7,), 7, 1),
    ]
    assert [layer.depth for layer in table] == list(range(7))
    assert [(layer.module, layer.call) for layer in table][1:4] == [
        ("relu", 1),
        ("second", 1),
        ("relu", 2),
    ]
    assert all(layer.capturable for layer in table)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 1)

    def forward(self, images):
        return functional.relu(self.conv(images) + images)


def test_blocks_are_layers_but_sequentials_are_not():
    table = layer_table(nn.Sequential(nn.Sequential(Block(), nn.ReLU())), InputSpec(shape=SHAPE))
    assert [layer.name for layer in table] == ["0.0.conv", "0.0", "0.1"]


class Tokens(nn.Module):
    """Images to tokens, with outputs that are no activations of a batch."""

    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(2, 8, 3, stride=3)
        self.position = nn.Embedding(4, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.LayerNorm(8)

    def forward(self, images):
        tokens = self.patch(images).flatten(2).transpose(1, 2)
        tokens = tokens + self.position(torch.arange(4, device=images.device))[None]
        tokens = self.norm(self.attention(tokens, tokens, tokens)[0])
        return tokens.mean(dim=1)


def test_tokens_are_positions_and_other_outputs_cannot_be_captured():
    table = {layer.name: layer for layer in layer_table_of(Tokens, InputSpec(shape=SHAPE))}
    assert table["norm"].shape == (4, 8)
    assert (table["norm"].neurons, table["norm"].positions) == (8, 4)
    assert (table["attention"].neurons, table["attention"].positions) == (8, 4)  # of a tuple
    assert not table["position"].capturable  # no batch
    assert table["position"].shape == ()


class Given(nn.Module):
    """Puts out what its function makes of the images, behind a convolution with 4 channels."""

    def __init__(self, function):
        super().__init__()
        self.conv, self.after, self.function = nn.Conv2d(2, 4, 1), nn.Identity(), function

    def forward(self, images):
        return self.after(self.function(self.conv(images)))


@pytest.mark.parametrize(
    "function",
    [
        lambda _: torch.zeros(2, 64, 64),  # passes for a batch of two
        lambda maps: maps.flatten(2).permute(2, 0, 1),  # (tokens, batch, features)
        lambda maps: maps.repeat(2, 1, 1, 1),
        lambda maps: maps.flatten(0, 1),
        lambda maps: maps.unflatten(2, (2, 3)).permute(0, 2, 1, 3, 4).flatten(0, 1),  # windows
        lambda maps: maps.argmax(dim=1),
        lambda maps: maps.mean((1, 2, 3)),
        lambda maps: (maps.sum(), maps.argmax(dim=1)),
    ],
)
def test_what_does_not_follow_the_batch_is_no_layer(function):
    table = {layer.name: layer for layer in layer_table(Given(function), InputSpec(shape=SHAPE))}
    assert (table["after"].shape, table["after"].axis) == ((), 0)
    assert not table["after"].in_doubt
    assert (table["after"].neurons, table["after"].positions) == (0, 0)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda x: (x,),
        lambda x: {"hidden": x, "loss": None},
        lambda x: (x, x[:, :1]),
        lambda x: {"loss": x.sum(), "hidden": x, "gate": x.flatten(1)},
    ],
)
def test_the_first_tensor_with_a_batch_in_a_container_is_the_output(wrap):
    table = {layer.name: layer for layer in layer_table(Given(wrap), InputSpec(shape=SHAPE))}
    assert (table["after"].neurons, table["after"].positions) == (4, 36)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers_put_out_their_states_over_time(kind):
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(20, 8)
            self.recurrent = kind(8, 16, 2, batch_first=True)

        def forward(self, ids):
            return self.recurrent(self.embedding(ids))[0]

    inputs = InputSpec(shape=(7,), dtype="int64", vocabulary=20)
    layer = layer_table(Recurrent(), inputs)[-1]
    assert (layer.name, layer.neurons, layer.positions) == ("recurrent", 16, 7)


def test_the_layer_that_fails_is_named():
    model = nn.Sequential(nn.Flatten(), nn.Linear(72, 8), nn.Sequential(nn.Linear(9, 3)))
    with pytest.raises(StudyError, match=r"Got RuntimeError in layer '2\.0' \(Linear\): "):
        layer_table(model, InputSpec(shape=SHAPE))


def test_a_table_without_computing_equals_the_real_one(model):
    devices = []

    def build():
        built = type(model)()
        devices.append(built.first.weight.device.type)
        return built

    inputs = InputSpec(shape=SHAPE)
    assert layer_table_of(build, inputs) == layer_table(model, inputs)
    assert devices == ["meta"]


def test_a_model_that_looks_at_values_is_built_on_the_cpu():
    class Looks(nn.Sequential):
        def forward(self, images):
            return super().forward(images if images.sum() > 1 else -images)

    assert rows(layer_table_of(lambda: Looks(nn.ReLU()), InputSpec(shape=SHAPE))) == [
        ("0", "ReLU", (2, 6, 6), 2, 36)
    ]


def test_looking_changes_nothing(model):
    model.second.eval()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    layer_table(model, InputSpec(shape=SHAPE))
    layer_table_of(type(model), InputSpec(shape=SHAPE))
    assert torch.equal(torch.get_rng_state(), before)
    assert [module.training for module in (model, model.first, model.second)] == [True, True, False]
    assert not any(module._forward_hooks for module in model.modules())


def test_images_that_do_not_fit_are_an_error_of_the_study(model):
    with pytest.raises(StudyError, match=r"takes images of shape 3x6x6\. Got RuntimeError"):
        layer_table_of(type(model), InputSpec(shape=(3, 6, 6)))
    assert not any(module._forward_hooks for module in model.modules())
