"""Recurrent language models: an embedding, recurrent layers, and logits of the next token.

Each recurrent layer is a module of its own, ``lstm.0``, ``lstm.1`` ..., whose output at every token
(examples, tokens, width) is a layer to be captured. Weights are drawn as in the published code of
W. Zaremba et al., "Recurrent neural network regularization", 2014, and of AWD-LSTM: embedding and
output uniform within 0.1, the rest as torch draws it.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Self

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from repsim.errors import StudyError
from repsim.inputs import InputSpec
from repsim.models.builder import Builder
from repsim.options import StrictOptions

__all__ = ["MODELS", "TEXT_INPUT", "Options", "RecurrentModel", "check_tokens"]

# For a look at the layers when no data is given: windows of 35 tokens of a text.
TEXT_INPUT = (InputSpec(shape=(35,), dtype="int64", vocabulary=10_000), 10_000)

# Of the embedding and the output layer.
RANGE = 0.1


class Options(StrictOptions):
    """Options of the models "lstm", "gru" and "rnn_tanh"."""

    layers: PositiveInt = Field(default=2, description="recurrent layers")
    width: PositiveInt = Field(default=200, description="neurons of each")
    embedding: PositiveInt | None = Field(
        default=None, description="numbers that stand for a token; the width by default"
    )
    tied: bool = Field(
        default=False, description="whether the output layer has the weights of the embedding"
    )
    dropout: float = Field(
        default=0.0, ge=0, lt=1, description="of the inputs of each recurrent and the output layer"
    )

    @model_validator(mode="after")
    def _tied_of_one_width(self) -> Self:
        if self.tied and self.embedding not in (None, self.width):
            raise ValueError(
                f"Expected an embedding as wide as the layers, {self.width}, for tied weights. "
                f"Got {self.embedding}"
            )
        return self


class RecurrentModel(nn.Module):
    """A language model of recurrent layers, which can carry its hidden state on.

    See `repsim.training.carried` for ``hidden``, which starts as None: each pass from zeros.
    """

    hidden: tuple[Tensor, ...] | None = None

    def __init__(
        self,
        kind: str,
        layers: Sequence[nn.RNNBase],
        *,
        vocabulary: int,
        outputs: int,
        embedding: nn.Module,
        dropouts: Sequence[nn.Module],
        tied: bool,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.dropouts = nn.ModuleList(dropouts)
        self._kind = kind
        setattr(self, kind, nn.ModuleList(layers))
        self.decoder = nn.Linear(layers[-1].hidden_size, outputs)
        weight: Tensor = embedding.weight  # type: ignore[assignment]
        nn.init.uniform_(weight, -RANGE, RANGE)
        nn.init.zeros_(self.decoder.bias)
        if tied and outputs == vocabulary:
            self.decoder.weight = weight
        else:
            nn.init.uniform_(self.decoder.weight, -RANGE, RANGE)

    @property
    def _layers(self) -> Iterator[nn.RNNBase]:
        layers: nn.ModuleList = getattr(self, self._kind)
        return iter(layers)  # type: ignore[arg-type]

    def initial_hidden(self, batch: int, device: torch.device) -> tuple[Tensor, ...]:
        """Zeros, each (1, batch, width): the state of every layer, and its cells if it has some."""
        return tuple(
            torch.zeros(1, batch, layer.hidden_size, device=device)
            for layer in self._layers
            for _ in range(_states(layer))
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (b, t, outputs) of the tokens after each of (b, t)."""
        hidden = self.hidden
        if hidden is None:
            hidden = self.initial_hidden(len(tokens), tokens.device)
        left, ends = list(hidden), []
        outputs = self.dropouts[0](self.embedding(tokens))
        for layer, dropout in zip(self._layers, self.dropouts[1:], strict=True):
            states = tuple(left.pop(0) for _ in range(_states(layer)))
            outputs, end = layer(outputs, states if len(states) > 1 else states[0])
            ends += list(end) if isinstance(end, tuple) else [end]
            outputs = dropout(outputs)
        if self.hidden is not None:
            self.hidden = tuple(end.detach() for end in ends)
        logits: Tensor = self.decoder(outputs)
        return logits


def _states(layer: nn.RNNBase) -> int:
    """Tensors that a layer carries: LSTMs have cells beside their outputs."""
    return 2 if isinstance(layer, nn.LSTM) else 1


def check_tokens(name: str, inputs: InputSpec) -> int:
    """The vocabulary of inputs that are sequences of tokens.

    Raises
    ------
    StudyError
        If they are something else.
    """
    if inputs.vocabulary is None or len(inputs.shape) != 1:
        raise StudyError(
            f"Expected sequences of tokens for model {name!r}. Got {inputs}. Choose data such as "
            '"text", or another model.'
        )
    return inputs.vocabulary


def _builder(name: str, kind: str, layer: Callable[..., nn.RNNBase]) -> Builder:
    def build(options: Options, inputs: InputSpec, outputs: int) -> RecurrentModel:
        vocabulary = check_tokens(name, inputs)
        first = options.embedding or options.width
        widths = [first, *[options.width] * options.layers]
        return RecurrentModel(
            kind,
            [layer(below, width, batch_first=True) for below, width in pairwise(widths)],
            vocabulary=vocabulary,
            outputs=outputs,
            embedding=nn.Embedding(vocabulary, first),
            dropouts=[nn.Dropout(options.dropout) for _ in widths],
            tied=options.tied,
        )

    return Builder(options=Options, build=build, default_input=TEXT_INPUT, images=False)


MODELS = {
    "lstm": _builder("lstm", "lstm", nn.LSTM),
    "gru": _builder("gru", "gru", nn.GRU),
    "rnn_tanh": _builder("rnn_tanh", "rnn", nn.RNN),
}
"""torch's RNN has tanh units by default."""
