"""A small transformer that predicts the next token, with layer norm before attention and MLP.

``blocks.0``, ``blocks.1`` ... put out (examples, tokens, width) after each block. Source:
A. Radford et al., "Language models are unsupervised multitask learners", 2019, at a small size.
"""

from typing import Self

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional

from repsim.inputs import InputSpec
from repsim.models.builder import Builder
from repsim.models.recurrent import TEXT_INPUT, check_tokens
from repsim.options import StrictOptions

__all__ = ["MODELS", "Options", "TransformerModel"]

# Standard deviation of weights at the start, as in GPT-2.
SPREAD = 0.02


class Options(StrictOptions):
    """Options of the model "transformer_lm"."""

    layers: PositiveInt = Field(default=4, description="blocks of attention and MLP")
    width: PositiveInt = Field(default=128, description="neurons of each")
    heads: PositiveInt = Field(default=4, description="attention heads, which share the width")
    tied: bool = Field(
        default=True, description="whether the output layer has the weights of the embedding"
    )
    dropout: float = Field(default=0.0, ge=0, lt=1, description="of each block's two branches")

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"Expected a width that {self.heads} heads share. Got {self.width}")
        return self


class Attention(nn.Module):
    """Causal self-attention: a token sees itself and those before it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.inputs = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, values: Tensor) -> Tensor:
        """Outputs (b, t, width) of the same."""
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.inputs(values).chunk(3, dim=-1)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        outputs: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return outputs


class Block(nn.Module):
    """Attention and an MLP of four times the width, each added to its input."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        width = options.width
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, options.heads)
        self.norm2 = nn.LayerNorm(width)
        self.fc = nn.Linear(width, 4 * width)
        self.gelu = nn.GELU()
        self.projection = nn.Linear(4 * width, width)
        self.dropout1, self.dropout2 = nn.Dropout(options.dropout), nn.Dropout(options.dropout)

    def forward(self, values: Tensor) -> Tensor:
        """Outputs (b, t, width) of the same."""
        values = values + self.dropout1(self.attention(self.norm1(values)))
        mlp = self.projection(self.gelu(self.fc(self.norm2(values))))
        outputs: Tensor = values + self.dropout2(mlp)
        return outputs


class TransformerModel(nn.Module):
    """Embedding of tokens and their places, blocks, a last norm, and logits."""

    def __init__(self, options: Options, *, vocabulary: int, length: int, outputs: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, options.width)
        self.places = nn.Embedding(length, options.width)
        self.blocks = nn.ModuleList(Block(options) for _ in range(options.layers))
        self.norm = nn.LayerNorm(options.width)
        self.decoder = nn.Linear(options.width, outputs, bias=False)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, 0.0, SPREAD)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        if options.tied and outputs == vocabulary:
            self.decoder.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (b, t, outputs) of the tokens after each of (b, t)."""
        places = torch.arange(tokens.shape[1], device=tokens.device)
        values = self.embedding(tokens) + self.places(places)
        for block in self.blocks:
            values = block(values)
        logits: Tensor = self.decoder(self.norm(values))
        return logits


def _build(options: Options, inputs: InputSpec, outputs: int) -> TransformerModel:
    vocabulary = check_tokens("transformer_lm", inputs)
    return TransformerModel(options, vocabulary=vocabulary, length=inputs.shape[0], outputs=outputs)


MODELS = {
    "transformer_lm": Builder(options=Options, build=_build, default_input=TEXT_INPUT, images=False)
}
