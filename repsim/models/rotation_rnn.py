"""A recurrent network without inputs, whose state is rotated at each step: the toy of Morcos et al.

Its input is the state at the start, any numbers taken as one vector; ``cell@1``, ``cell@2`` ... are
the states after each step. Source: Morcos et al. 2018; the scales of the weights are our reading.
"""

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from repsim.errors import StudyError
from repsim.inputs import InputSpec
from repsim.models.builder import Builder
from repsim.options import StrictOptions

__all__ = ["MODELS", "Options", "RotationNetwork"]


class Options(StrictOptions):
    """Options of the model "rotation_rnn"."""

    steps: PositiveInt = Field(default=20, description="how often the state is rotated")
    nonlinear: float = Field(
        default=0.0, ge=0, description="factor of the sigmoid of a random map, added at each step"
    )
    offset: float = Field(
        default=0.0, ge=0, description="standard deviation of what is added at each step"
    )


class Cell(nn.Module):
    """One step: h ← W h + a σ(V h) + b, W a rotation, V and b random; none of them is trained."""

    rotation: Tensor
    random: Tensor
    offset: Tensor

    def __init__(self, width: int, nonlinear: float, offset: float) -> None:
        super().__init__()
        self.nonlinear = nonlinear
        rotation = torch.empty(width, width)
        if not rotation.is_meta:
            nn.init.orthogonal_(rotation)
        self.register_buffer("rotation", rotation)
        self.register_buffer("random", torch.randn(width, width) / width**0.5)
        self.register_buffer("offset", offset * torch.randn(width))

    def forward(self, state: Tensor) -> Tensor:
        """The next state (b, width)."""
        rotated = nn.functional.linear(state, self.rotation, self.offset)
        if not self.nonlinear:
            return rotated
        return rotated + self.nonlinear * nn.functional.linear(state, self.random).sigmoid()


class RotationNetwork(nn.Module):
    """The steps, and an output layer, which is all that could be trained."""

    def __init__(self, options: Options, *, width: int, outputs: int) -> None:
        super().__init__()
        self.steps = options.steps
        self.cell = Cell(width, options.nonlinear, options.offset)
        self.output = nn.Linear(width, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs (b, outputs) of the last state, from inputs (b, ...)."""
        state = inputs.flatten(1)
        for _ in range(self.steps):
            state = self.cell(state)
        outputs: Tensor = self.output(state)
        return outputs


def _build(options: Options, inputs: InputSpec, outputs: int) -> RotationNetwork:
    if inputs.dtype != "float32":
        raise StudyError(
            f"Expected numbers for model 'rotation_rnn', the state at the start. Got {inputs}. "
            'Choose data such as "synthetic", or model "lstm" for tokens.'
        )
    return RotationNetwork(options, width=inputs.size, outputs=outputs)


MODELS = {
    "rotation_rnn": Builder(
        options=Options,
        build=_build,
        default_input=(InputSpec(shape=(64,)), 10),
        images=False,
    ),
}
