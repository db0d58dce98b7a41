"""What a model is to the registry: options, a function that builds it, and the input it is for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from repsim.options import StrictOptions

__all__ = ["CIFAR_INPUT", "Builder", "ImageShape", "NoOptions"]

ImageShape = tuple[int, int, int]
"""(channels, height, width)"""

CIFAR_INPUT: tuple[int, ImageShape] = (10, (3, 32, 32))


class NoOptions(StrictOptions):
    """Options of a model that has none."""


@dataclass(frozen=True, kw_only=True)
class Builder:
    """One named model."""

    options: type[StrictOptions]
    build: Callable[[Any, int, ImageShape], nn.Module]
    """Called as build(options, classes, image_shape), options being an instance of `options`."""
    default_input: tuple[int, ImageShape]
    """Classes and image shape for a look at the layers when no data is given."""
