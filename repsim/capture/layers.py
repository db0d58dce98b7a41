"""The layers of a model, in the order in which a forward pass completes them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from repsim.capture.calls import call_name, observed_modules, watch_calls
from repsim.capture.meta import without_computing
from repsim.errors import StudyError
from repsim.training.evaluation import evaluation_mode

__all__ = ["LayerInfo", "layer_table", "layer_table_of"]

# Two, so that an output whose first axis is not the batch (a positional embedding) shows itself.
_BATCH = 2

# Their maps have the channels first by definition, whatever the rest of the model does.
_CHANNELS_FIRST = (
    nn.Conv2d,
    nn.BatchNorm2d,
    nn.GroupNorm,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
)


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
    neurons: int
    """Channels of a map, features of a token, units; 0 if the layer cannot be captured."""
    positions: int
    """Places of a map, tokens, or 1; 0 if the layer cannot be captured."""

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
        """Whether the output is a batch of maps (c, h, w), of tokens (t, c), or of units (c,)."""
        return self.neurons > 0


def layer_table(model: nn.Module, image_shape: tuple[int, int, int]) -> tuple[LayerInfo, ...]:
    """Layers of a model, from one forward pass of zeros on the model's own device.

    Every call of a leaf module is a layer, and of a block with children unless it is a
    ``Sequential`` (its output is its last child's). A function called in ``forward``, such as
    ``torch.nn.functional.relu``, is no module and no layer.

    Four axes are read as (batch, channel, height, width), three as (batch, token, feature). In a
    model that has the channels last somewhere (Swin, ConvNeXt: a ``Linear`` or ``LayerNorm`` puts
    out four axes), only layers that define their channels as first, such as ``Conv2d``, can be
    captured as maps: of the others nobody knows.

    Raises
    ------
    StudyError
        If the model cannot take images of this shape.

    Examples
    --------
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten())
    >>> for layer in layer_table(model, (3, 6, 6)):
    ...     print(layer.depth, layer.name, layer.type, layer.shape, layer.neurons, layer.positions)
    0 0 Conv2d (8, 4, 4) 8 16
    1 1 ReLU (8, 4, 4) 8 16
    2 2 Flatten (128,) 128 1
    """
    seen: list[tuple[str, int, tuple[int, ...]]] = []

    def note(name: str, call: int, output: object) -> None:
        seen.append((name, call, _output_shape(output)))

    modules = observed_modules(model)
    device = next(model.parameters(), torch.empty(0)).device
    try:
        with evaluation_mode(model), torch.inference_mode(), watch_calls(modules.items(), note):
            model(torch.zeros(_BATCH, *image_shape, device=device))
    # A model may answer images it was not made for with any exception.
    except Exception as error:
        raise StudyError(
            f"Expected a model that takes images of shape {tuple(image_shape)}. "
            f"Got {type(error).__name__}: {error}"
        ) from error
    calls = Counter(name for name, _, _ in seen)
    channels_last = any(
        len(shape) == 3 and type(modules[name]) in {nn.Linear, nn.LayerNorm}
        for name, _, shape in seen
    )
    layers = []
    for depth, (name, call, shape) in enumerate(seen):
        certain = not channels_last or isinstance(modules[name], _CHANNELS_FIRST)
        neurons, positions = _counts(shape, channels_first=certain)
        layers.append(
            LayerInfo(
                name=call_name(name, call, calls[name]),
                depth=depth,
                type=type(modules[name]).__name__,
                shape=shape,
                neurons=neurons,
                positions=positions,
            )
        )
    return tuple(layers)


def layer_table_of(
    build: Callable[[], nn.Module], image_shape: tuple[int, int, int]
) -> tuple[LayerInfo, ...]:
    """Layers of the model that `build` makes, without computing anything where that is possible.

    It is built on torch's meta device, where tensors have shapes and no content; a model whose
    forward pass looks at values is built on the CPU instead. See `layer_table`.
    """
    return without_computing(lambda: layer_table(build(), image_shape))


def _output_shape(output: object) -> tuple[int, ...]:
    if not isinstance(output, Tensor) or not output.is_floating_point():
        return ()
    shape = tuple(output.shape)
    return shape[1:] if len(shape) > 1 and shape[0] == _BATCH else ()


def _counts(shape: tuple[int, ...], *, channels_first: bool) -> tuple[int, int]:
    """Neurons and positions of an output of this shape; zeros where it cannot be captured."""
    if len(shape) == 1:
        return shape[0], 1
    if len(shape) == 2:
        return shape[1], shape[0]
    if len(shape) == 3 and channels_first:
        return shape[0], shape[1] * shape[2]
    return 0, 0
