"""Fully connected networks, for inputs of any shape: an example is taken as one vector.

Weights and biases are drawn as PyTorch's linear layers draw them.
"""

from collections import OrderedDict
from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from repsim.errors import StudyError
from repsim.inputs import InputSpec
from repsim.models.builder import Builder
from repsim.options import StrictOptions

__all__ = ["MLP", "MODELS", "Options"]

DEPTH = 2

ACTIVATIONS: dict[str, type[nn.Module] | None] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "leaky_relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "sigmoid": nn.Sigmoid,
    "identity": None,
}


class Options(StrictOptions):
    """Options of the model "mlp"."""

    width: PositiveInt | tuple[PositiveInt, ...] = Field(
        default=128, description="neurons of every hidden layer, or a list of those of each"
    )
    depth: int | None = Field(
        default=None, ge=0, description=f"hidden layers, {DEPTH} by default; not beside a list"
    )
    activation: Literal["relu", "tanh", "leaky_relu", "gelu", "sigmoid", "identity"] = Field(
        default="relu", description="after every hidden layer; identity: a linear network"
    )

    @model_validator(mode="after")
    def _one_depth(self) -> Self:
        if isinstance(self.width, tuple) and self.depth not in (None, len(self.width)):
            raise ValueError(
                f"Expected no depth beside a list of widths. Got {self.depth} and "
                f"{list(self.width)}"
            )
        return self

    @property
    def widths(self) -> tuple[int, ...]:
        """Neurons of each hidden layer."""
        if isinstance(self.width, tuple):
            return self.width
        return (self.width,) * (DEPTH if self.depth is None else self.depth)


class MLP(nn.Module):
    """Modules ``hidden.fc1``, ``hidden.relu1`` (as the activation is called), ... ``output``."""

    def __init__(self, options: Options, *, inputs: int, outputs: int) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        activation = ACTIVATIONS[options.activation]
        for number, width in enumerate(options.widths, start=1):
            layers[f"fc{number}"] = nn.Linear(inputs, width)
            if activation is not None:
                layers[f"{options.activation}{number}"] = activation()
            inputs = width
        self.hidden = nn.Sequential(layers)
        self.output = nn.Linear(inputs, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs (b, outputs) of inputs (b, ...)."""
        outputs: Tensor = self.output(self.hidden(inputs.flatten(1)))
        return outputs


def _build(options: Options, inputs: InputSpec, outputs: int) -> MLP:
    if inputs.dtype != "float32":
        raise StudyError(
            f"Expected numbers for model 'mlp'. Got {inputs}. Choose a model that embeds them, "
            'such as "lstm", or one of your own (package.module:function).'
        )
    return MLP(options, inputs=inputs.size, outputs=outputs)


MODELS = {
    "mlp": Builder(
        options=Options,
        build=_build,
        default_input=(InputSpec(shape=(64,)), 10),
        images=False,
    ),
}
