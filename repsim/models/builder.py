"""What a model is to the registry: options, a function that builds it, and the input it is for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from repsim.inputs import InputSpec
from repsim.options import StrictOptions

__all__ = ["CIFAR_INPUT", "Builder", "NoOptions"]

CIFAR_INPUT = (InputSpec(shape=(3, 32, 32)), 10)


class NoOptions(StrictOptions):
    """Options of a model that has none."""


@dataclass(frozen=True, kw_only=True)
class Builder:
    """One named model."""

    options: type[StrictOptions]
    build: Callable[[Any, InputSpec, int], nn.Module]
    """Called as build(options, inputs, outputs), options being an instance of `options`."""
    default_input: tuple[InputSpec, int]
    """Inputs and number of outputs for a look at the layers when no data is given."""
    images: bool = True
    """Whether it takes images alone; any numbers otherwise."""
