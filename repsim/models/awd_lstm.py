"""AWD-LSTM: LSTM layers that are regularised by dropping recurrent weights.

Source: S. Merity, N. Keskar, R. Socher, "Regularizing and optimizing LSTM language models", 2017.
The defaults are those for PTB, as we remember the published code (our reading). Activation
regularisation is left out; averaged SGD is ``training.average``.
"""

from itertools import pairwise

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from repsim.inputs import InputSpec
from repsim.models.builder import Builder
from repsim.models.recurrent import TEXT_INPUT, RecurrentModel, check_tokens
from repsim.options import StrictOptions

__all__ = ["MODELS", "EmbeddingDropout", "LockedDropout", "Options", "WeightDropLSTM"]


class Options(StrictOptions):
    """Options of the model "awd_lstm"."""

    layers: PositiveInt = Field(default=3, description="LSTM layers")
    width: PositiveInt = Field(default=1150, description="neurons of each but the last")
    embedding: PositiveInt = Field(
        default=400, description="numbers that stand for a token, and neurons of the last layer"
    )
    tied: bool = Field(
        default=True, description="whether the output layer has the weights of the embedding"
    )
    dropout: float = Field(default=0.4, ge=0, lt=1, description="of the last layer's outputs")
    hidden_dropout: float = Field(default=0.25, ge=0, lt=1, description="of the other layers'")
    input_dropout: float = Field(default=0.4, ge=0, lt=1, description="of the embedded tokens")
    embedding_dropout: float = Field(default=0.1, ge=0, lt=1, description="of whole tokens")
    weight_drop: float = Field(default=0.5, ge=0, lt=1, description="of the recurrent weights")


class LockedDropout(nn.Module):
    """Variational dropout: of an example, the same neurons are dropped at all tokens."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, values: Tensor) -> Tensor:
        """Values (b, t, neurons), some of the neurons zero in training."""
        if not self.training or not self.share:
            return values
        ones = torch.ones_like(values[:, :1])
        return values * functional.dropout(ones, self.share)


class EmbeddingDropout(nn.Embedding):
    """An embedding in which some tokens are zero wherever they occur in a batch, in training."""

    def __init__(self, vocabulary: int, width: int, share: float) -> None:
        super().__init__(vocabulary, width)
        self.share = share

    def forward(self, tokens: Tensor) -> Tensor:
        """Embedded tokens (b, t, width)."""
        if not self.training or not self.share:
            return super().forward(tokens)
        kept = functional.dropout(self.weight.new_ones(self.num_embeddings, 1), self.share)
        return functional.embedding(tokens, self.weight * kept)


class WeightDropLSTM(nn.LSTM):
    """An LSTM layer some of whose recurrent weights are zero, the same at all tokens of a batch."""

    def __init__(self, inputs: int, width: int, share: float) -> None:
        super().__init__(inputs, width, batch_first=True)
        self.share = share

    def forward(  # type: ignore[override]
        self, inputs: Tensor, hidden: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Outputs (b, t, width), and the last state with its cells."""
        if not self.training or not self.share:
            found: tuple[Tensor, tuple[Tensor, Tensor]] = super().forward(inputs, hidden)
            return found
        of_inputs, recurrent, *biases = self.all_weights[0]
        weights = [of_inputs, functional.dropout(recurrent, self.share), *biases]
        # Biases, layers, dropout between layers, training, both directions, the batch first.
        switches = (True, 1, 0.0, True, False, True)
        outputs, state, cells = torch.lstm(inputs, hidden, weights, *switches)
        return outputs, (state, cells)


def _build(options: Options, inputs: InputSpec, outputs: int) -> RecurrentModel:
    vocabulary = check_tokens("awd_lstm", inputs)
    hidden = [options.width] * (options.layers - 1)
    widths = [options.embedding, *hidden, options.embedding]
    between = [LockedDropout(options.hidden_dropout) for _ in hidden]
    return RecurrentModel(
        "lstm",
        [WeightDropLSTM(a, b, options.weight_drop) for a, b in pairwise(widths)],
        vocabulary=vocabulary,
        outputs=outputs,
        embedding=EmbeddingDropout(vocabulary, options.embedding, options.embedding_dropout),
        dropouts=[
            LockedDropout(options.input_dropout),
            *between,
            LockedDropout(options.dropout),
        ],
        tied=options.tied,
    )


MODELS = {
    "awd_lstm": Builder(options=Options, build=_build, default_input=TEXT_INPUT, images=False)
}
