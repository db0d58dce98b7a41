"""Where channels are found, in models laid out as those of timm and Hugging Face."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from repsim.inputs import InputSpec
from repsim.model_layers import layer_table_of
from repsim.model_layers.channels import ChannelAxes

SHAPE = (3, 16, 16)


class Function(nn.Module):
    """A function as a module, so that what it puts out is a layer."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, images):
        return self.function(images)


def readings(build):
    """(neurons, positions) of the layers by name; None where they are in doubt."""
    return {
        layer.name: None if layer.in_doubt else (layer.neurons, layer.positions)
        for layer in layer_table_of(build, InputSpec(shape=SHAPE))
    }


class LayerNorm2d(nn.LayerNorm):
    """Of timm: a LayerNorm whose maps have their channels first."""

    def forward(self, maps):
        return super().forward(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class RMSNorm(nn.Module):
    """Written out, as in many repositories."""

    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, tokens):
        return tokens * (tokens.pow(2).mean(-1, keepdim=True) + 1e-6).rsqrt() * self.weight


class ConvNeXtBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.stem_norm = nn.Conv2d(3, 16, 1), LayerNorm2d(16)
        self.dwconv = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.norm, self.up, self.act, self.down = (
            nn.LayerNorm(16),
            nn.Linear(16, 64),
            nn.GELU(),
            nn.Linear(64, 16),
        )
        self.gamma, self.drop = nn.Parameter(torch.ones(16)), nn.Dropout(0.1)
        self.after = nn.Identity()

    def forward(self, images):
        maps = self.stem_norm(self.stem(images))
        inner = self.norm(self.dwconv(maps).permute(0, 2, 3, 1))
        inner = self.gamma * self.drop(self.down(self.act(self.up(inner))))
        return self.after(maps + inner.permute(0, 3, 1, 2)).mean((2, 3))


def test_convnext_where_channels_and_sides_are_of_one_size():
    found = readings(ConvNeXtBlock)
    assert found.pop("up") == found.pop("act") == (64, 256)
    assert set(found.values()) == {(16, 256)}


class WindowAttention(nn.Module):
    """Windows of a map with its channels last, as in Swin."""

    def __init__(self):
        super().__init__()
        self.qkv, self.proj, self.weights = nn.Linear(24, 72), nn.Linear(24, 24), nn.Dropout(0.1)
        self.heads = nn.Identity()

    def forward(self, maps):
        b, side, _, c = maps.shape
        windows = maps.view(b, 4, side // 4, 4, side // 4, c).permute(0, 1, 3, 2, 4, 5)
        windows = windows.reshape(-1, (side // 4) ** 2, c)
        q, k, v = self.qkv(windows).reshape(*windows.shape[:2], 3, 4, 6).permute(2, 0, 3, 1, 4)
        weights = self.weights((q @ k.transpose(-2, -1)).softmax(-1))
        mixed = (weights @ v).transpose(1, 2).reshape(windows.shape)
        mixed = self.proj(mixed).view(b, 4, 4, side // 4, side // 4, c)
        return mixed.permute(0, 1, 3, 2, 4, 5).reshape(b, side, side, c)


class SwinBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches, self.norm1, self.norm2 = nn.Conv2d(3, 24, 1), nn.LayerNorm(24), RMSNorm(24)
        self.attn, self.fc, self.act = WindowAttention(), nn.Linear(24, 24), nn.SiLU()
        self.merge, self.out = nn.Linear(96, 48), nn.Identity()

    def forward(self, images):
        maps = self.patches(images).permute(0, 2, 3, 1)
        shifted = torch.roll(self.norm1(maps), (-2, -2), dims=(1, 2))
        maps = maps + torch.roll(self.attn(shifted), (2, 2), dims=(1, 2))
        maps = self.out(maps + self.act(self.fc(self.norm2(maps))))
        quarters = [maps[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
        return self.merge(torch.cat(quarters, dim=-1)).mean((1, 2))


def test_swin_with_channels_last():
    found = readings(SwinBlock)
    assert found.pop("merge") == (48, 64)
    windows = {"attn.qkv", "attn.weights", "attn.heads", "attn.proj"}
    assert {found.pop(name) for name in windows & found.keys()} == {(0, 0)}
    assert set(found.values()) == {(24, 256)}


class Attention(nn.Module):
    """Separate heads, as (batch, heads, tokens, dim); `fused` as torch has it, or written out."""

    def __init__(self, fused):
        super().__init__()
        self.patch, self.q, self.k, self.v = (
            nn.Conv2d(3, 16, 4, stride=4),
            nn.Linear(16, 16),
            nn.Linear(16, 16),
            nn.Linear(16, 16),
        )
        self.heads, self.q_norm, self.weights, self.context, self.merged, self.proj, self.out = (
            nn.Identity(),
            nn.LayerNorm(4),
            nn.Dropout(),
            nn.Identity(),
            nn.Identity(),
            nn.Linear(16, 16),
            nn.Identity(),
        )
        self.cls, self.fused = nn.Parameter(torch.zeros(1, 1, 16)), fused

    def forward(self, images):
        tokens = self.patch(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls.expand(len(tokens), -1, -1), tokens[:, 1:]], dim=1)
        q, k, v = (
            part(tokens).view(len(tokens), -1, 4, 4).transpose(1, 2)
            for part in (self.q, self.k, self.v)
        )
        q, k = self.q_norm(q), self.heads(k)
        if self.fused:
            mixed = functional.scaled_dot_product_attention(q, k, v)
        else:
            mixed = self.weights((q @ k.mT).softmax(-1)) @ v
        merged = self.merged(self.context(mixed).transpose(1, 2).flatten(2))
        return self.out(tokens + self.proj(merged))[:, 0]


@pytest.mark.parametrize("fused", [False, True])
def test_heads_and_maps_of_attention_are_in_doubt_and_tokens_are_not(fused):
    found = readings(lambda: Attention(fused))
    assert found.pop("patch") == (16, 16)
    doubt = {"heads", "q_norm", "context"} | ({"weights"} - ({"weights"} if fused else set()))
    assert {name for name, reading in found.items() if reading is None} == doubt
    # 16 tokens of 16 features: shapes say nothing here.
    assert {found[name] for name in ("q", "k", "v", "merged", "proj", "out")} == {(16, 16)}


@pytest.mark.parametrize(
    ("module", "reading"),
    [
        (lambda: nn.Conv1d(3, 8, 3), (8, 254)),
        (lambda: nn.Sequential(nn.Conv1d(3, 8, 3), nn.BatchNorm1d(8), nn.ReLU()), (8, 254)),
        (lambda: nn.Sequential(nn.ConvTranspose1d(3, 8, 2), nn.AdaptiveAvgPool1d(5)), (8, 5)),
        (lambda: nn.Sequential(nn.Conv1d(3, 8, 1), nn.GLU(1), nn.Dropout1d()), (4, 256)),
        (lambda: nn.InstanceNorm1d(3), (3, 256)),
        (lambda: nn.GroupNorm(1, 3), (3, 256)),
    ],
)
def test_series_have_their_channels_first(module, reading):
    found = readings(lambda: nn.Sequential(nn.Flatten(2), module()))
    assert list(found.values())[-1] == reading


@pytest.mark.parametrize(
    ("function", "reading"),
    [
        (lambda x: x, (3, 256)),
        (lambda x: x.permute(0, 2, 3, 1).contiguous(), (3, 256)),
        (lambda x: x.movedim(1, -1).movedim(-1, 1), (3, 256)),
        (lambda x: x.transpose(1, 3)[:, ::2].relu_(), (3, 128)),
        (lambda x: functional.pad(functional.max_pool2d(x, 2), (1, 1)), (3, 80)),
        (lambda x: functional.interpolate(x, scale_factor=2), (3, 1024)),
        (lambda x: functional.normalize(x * x.mean((2, 3), keepdim=True)), (3, 256)),
        (lambda x: functional.hardswish(x).double().float(), (3, 256)),
        (lambda x: x.unsqueeze(2).squeeze(2), (3, 256)),
        (lambda x: torch.stack(x.unbind(1), dim=-1), None),  # channels taken apart
        (lambda x: torch.cat(x.chunk(3, dim=1)[:2], dim=1), (2, 256)),
        (lambda x: x.mean(1, keepdim=True), None),
        (lambda x: x.flatten(1, 2), None),
        (lambda x: x.unflatten(1, (1, 3)).squeeze(1), (3, 256)),
        (lambda x: x.sort(dim=2).values, None),  # no rule
        (lambda x: torch.einsum("bchw,dc->bdhw", x, torch.ones(3, 3, device=x.device)), None),
        (lambda x: x.permute(0, 2, 3, 1) @ torch.ones(3, 5, device=x.device), (5, 256)),
        (lambda x: x.permute(0, 2, 3, 1).flatten(1, 2).index_select(1, _index(x)), (3, 2)),
        (lambda x: x[:, :, _index(x)], (3, 32)),
        (lambda x: x + x.transpose(1, 2).transpose(1, 2), (3, 256)),
        (lambda x: x[:, :1] + x.permute(0, 2, 1, 3)[:, :, :1], None),  # they do not agree
    ],
)
def test_functions_between_modules_are_followed(function, reading):
    assert readings(lambda: nn.Sequential(Function(function)))["0"] == reading


def _index(x):
    return torch.zeros(2, dtype=torch.int64, device=x.device)


def test_channels_that_are_split_and_shuffled_are_whole_again():
    """As in ShuffleNet."""
    split = Function(lambda x: x.unflatten(1, (4, 2)))
    shuffle = Function(lambda x: x.transpose(1, 2).flatten(1, 2))
    found = readings(lambda: nn.Sequential(nn.Conv2d(3, 8, 1), split, shuffle))
    assert found == {"0": (8, 256), "1": None, "2": (8, 256)}


def test_a_vector_that_becomes_a_map_is_read_from_its_first_norm_on():
    found = readings(
        lambda: nn.Sequential(
            nn.Flatten(),
            nn.Linear(768, 64),
            nn.Unflatten(1, (4, 4, 4)),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.ConvTranspose2d(4, 6, 2, stride=2),
        )
    )
    assert found == {
        **{"0": (768, 1), "1": (64, 1), "2": None},
        **{"3": (4, 16), "4": (4, 16), "5": (6, 64)},
    }


def test_volumes_and_recurrent_layers():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.volume, self.act = nn.Conv3d(1, 5, 3, padding=1), nn.ReLU()
            self.rnn, self.after, self.norm = (
                nn.GRU(16, 7, batch_first=True),
                nn.Identity(),
                nn.LayerNorm(7),
            )

        def forward(self, images):
            rows = self.act(self.volume(images.unsqueeze(1))).mean((1, 2))
            return self.norm(self.after(self.rnn(rows)[0])).mean(1)

    found = readings(Mixed)
    assert found["volume"] == found["act"] == (5, 768)
    assert found["rnn"] == found["after"] == found["norm"] == (7, 16)


def test_multihead_attention_puts_out_its_features_last():
    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention, self.drop = nn.MultiheadAttention(3, 1, batch_first=True), nn.Dropout()
            self.layer = nn.TransformerEncoderLayer(3, 1, 8, batch_first=True)

        def forward(self, images):
            tokens = images.flatten(2).transpose(1, 2)
            tokens = self.drop(self.attention(tokens, tokens, tokens, need_weights=False)[0])
            return self.layer(tokens).mean(1)

    found = readings(Encoder)
    assert {found[name] for name in ("attention", "drop", "layer", "layer.norm2")} == {(3, 256)}
    assert found["layer.linear1"] == (8, 256)


def test_computing_and_not_computing_find_the_same():
    images = torch.randn(2, *SHAPE)
    for device in ("cpu", "meta"):
        model, x = SwinBlock().to(device).eval(), images.to(device)
        with torch.inference_mode(), ChannelAxes(x) as axes:
            assert axes.of(model.norm1(model.patches(x).permute(0, 2, 3, 1))) == 3
            assert axes.of(torch.zeros(2, 3, device=device)) is None
