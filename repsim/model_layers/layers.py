"""The layers of a model, in the order in which a forward pass completes them."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from repsim.errors import StudyError
from repsim.inputs import InputSpec
from repsim.model_layers.calls import call_name, failing_layer, observed_modules, watch_calls
from repsim.model_layers.channels import ChannelAxes
from repsim.model_layers.meta import without_computing
from repsim.model_layers.structure import repeated_blocks
from repsim.training.evaluation import evaluation_mode

__all__ = ["BATCHES", "LayerInfo", "layer_table", "layer_table_of", "layers_of_calls"]

# An output whose first axis is not the batch (a parameter, a positional embedding, tokens first)
# does not follow it from the one size to the other.
BATCHES = (2, 3)


@dataclass(frozen=True, kw_only=True)
class LayerInfo:
    """One call of a module: what its output looks like."""

    name: str
    """Torch's dotted module name; ``relu@2`` for the second call of a module called repeatedly."""
    depth: int
    """0 for the layer that is complete first. A block comes after the layers inside it."""
    type: str
    """Class of the module, such as ``ReLU``."""
    shape: tuple[int, ...]
    """Of the output, without the batch; empty where there is no single tensor of a batch."""
    axis: int
    """Of the channels (units, features), the batch being axis 0; 0 if the layer cannot be
    captured, because there is no batch or because nobody knows."""

    block: bool = False
    """Whether it is one of the blocks that the model repeats: `repsim.model_layers.structure`."""

    @property
    def neurons(self) -> int:
        """Channels of a map, features of a token, units; 0 if the layer cannot be captured."""
        return self.shape[self.axis - 1] if self.capturable else 0

    @property
    def positions(self) -> int:
        """Places of a map, tokens, or 1; 0 if the layer cannot be captured."""
        return math.prod(self.shape) // self.neurons if self.capturable else 0

    @property
    def module(self) -> str:
        """Name of the module, without the number of the call."""
        return self.name.partition("@")[0]

    @property
    def call(self) -> int:
        """Which call of the module in a forward pass, from 1."""
        return int(self.name.partition("@")[2] or 1)

    @property
    def capturable(self) -> bool:
        """Whether the output is a batch of which it is known where the channels are."""
        return self.axis > 0

    @property
    def in_doubt(self) -> bool:
        """Whether the output is a batch, but the axis of its channels is not certain."""
        return bool(self.shape) and not self.capturable


def layer_table(model: nn.Module, inputs: InputSpec) -> tuple[LayerInfo, ...]:
    """Layers of a model, from two forward passes of zeros on the model's own device.

    Every call of a leaf module is a layer, and of a block with children unless it is a
    ``Sequential`` (its output is its last child's). A function called in ``forward``, such as
    ``torch.nn.functional.relu``, is no module and no layer.

    The channels are followed from operation to operation (`ChannelAxes`), so that they are found in
    maps and tokens alike, first or last. Where that fails, as in a map of attention or after an
    operation of one's own, the layer is in doubt and cannot be captured until the study says where
    its channels are (`with_axes`). An output of two axes has units, and no doubt.

    Raises
    ------
    StudyError
        If the model cannot take these inputs.

    Examples
    --------
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten())
    >>> for layer in layer_table(model, InputSpec(shape=(3, 6, 6))):
    ...     print(layer.depth, layer.name, layer.type, layer.shape, layer.neurons, layer.positions)
    0 0 Conv2d (8, 4, 4) 8 16
    1 1 ReLU (8, 4, 4) 8 16
    2 2 Flatten (128,) 128 1
    """
    device = next(model.parameters(), torch.empty(0)).device
    few, more = (inputs.zeros(size, device) for size in BATCHES)
    return layers_of_calls(model, lambda: model(few), lambda: model(more), few, str(inputs))


def layers_of_calls(
    model: nn.Module,
    few: Callable[[], object],
    more: Callable[[], object],
    channels_of: Tensor,
    words: str,
) -> tuple[LayerInfo, ...]:
    """Layers of a model, from two calls of it; see `layer_table`.

    Parameters
    ----------
    few, more
        Call the model with as many examples as `BATCHES` says.
    channels_of
        What the first of them gives it: of images and vectors the channels are known.
    words
        What it is given, for the message.
    """
    modules = observed_modules(model)
    channels = ChannelAxes(channels_of)
    seen: list[tuple[str, int, tuple[int, ...], int]] = []
    again: dict[tuple[str, int], tuple[int, ...]] = {}

    def note(name: str, call: int, output: Tensor | None) -> None:
        axis = None if output is None else channels.of(output)
        seen.append((name, call, _float_shape(output), axis or 0))

    def note_again(name: str, call: int, output: Tensor | None) -> None:
        again[name, call] = _float_shape(output)

    with evaluation_mode(model), torch.inference_mode(), failing_layer(model) as failing:
        try:
            with watch_calls(modules.items(), note), channels:
                few()
            with watch_calls(modules.items(), note_again):
                more()
        except StudyError:
            raise
        # A model may answer images it was not made for with any exception.
        except Exception as error:
            raise StudyError(
                f"Expected a model that takes {words}. "
                f"Got {type(error).__name__}{failing()}: {error}"
            ) from error
    calls = Counter(name for name, *_ in seen)
    blocks = repeated_blocks(model)
    layers = []
    for depth, (name, call, shape, axis) in enumerate(seen):
        batch = len(shape) > 1 and (shape[0], again.get((name, call))) == (
            BATCHES[0],
            (BATCHES[1], *shape[1:]),
        )
        layers.append(
            LayerInfo(
                name=call_name(name, call, calls[name]),
                depth=depth,
                type=type(modules[name]).__name__,
                shape=shape[1:] if batch else (),
                axis=(1 if len(shape) == 2 else axis) if batch else 0,
                block=name in blocks,
            )
        )
    return tuple(layers)


def layer_table_of(build: Callable[[], nn.Module], inputs: InputSpec) -> tuple[LayerInfo, ...]:
    """Layers of the model that `build` makes, without computing anything where that is possible.

    It is built on torch's meta device, where tensors have shapes and no content; a model whose
    forward pass looks at values is built on the CPU instead. See `layer_table`.
    """
    return without_computing(lambda: layer_table(build(), inputs))


def _float_shape(output: Tensor | None) -> tuple[int, ...]:
    return () if output is None or not output.is_floating_point() else tuple(output.shape)
