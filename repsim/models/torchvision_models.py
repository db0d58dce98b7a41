"""Every classification model of torchvision, as ``torchvision.NAME``; weights are never fetched.

Unlike the models of this package, many of them use one ReLU module several times, and ReLUs that
work in place.
"""

import difflib
import itertools
from collections.abc import Iterator, Mapping
from functools import partial

import torch
from torch import nn
from torch.func import functional_call

from repsim.errors import StudyError
from repsim.models.builder import Builder, ImageShape, NoOptions

__all__ = ["MODELS", "PREFIX", "unknown_model"]

PREFIX = "torchvision."

# Auxiliary heads make the output a tuple in training; without them, one set of logits comes out.
# Their random initialisation must be asked for, or torchvision warns that it will change.
ARGUMENTS: dict[str, dict[str, object]] = {
    "googlenet": {"aux_logits": False, "init_weights": True},
    "inception_v3": {"aux_logits": False, "init_weights": True},
}
IMAGENET_INPUT: tuple[int, ImageShape] = (1000, (3, 224, 224))
INPUTS: dict[str, tuple[int, ImageShape]] = {"inception_v3": (1000, (3, 299, 299))}


class TorchvisionModels(Mapping[str, Builder]):
    """The models by name; torchvision is imported when one of its names is asked for."""

    def __getitem__(self, name: str) -> Builder:
        bare = name.removeprefix(PREFIX)
        if bare == name or bare not in _names():
            raise KeyError(name)
        return Builder(
            options=NoOptions,
            build=partial(_build, bare),
            default_input=INPUTS.get(bare, IMAGENET_INPUT),
        )

    def __iter__(self) -> Iterator[str]:
        return (PREFIX + name for name in _names())

    def __len__(self) -> int:
        return len(_names())


def _names() -> list[str]:
    from torchvision import models

    names: list[str] = models.list_models(module=models)
    return names


def unknown_model(name: str) -> str:
    """Message for ``torchvision.NAME`` that torchvision does not have, with the nearest ones."""
    names = _names()
    near = difflib.get_close_matches(name.removeprefix(PREFIX), names, n=5, cutoff=0.4)
    listing = ", ".join(PREFIX + other for other in near) or "none"
    return (
        f"Expected one of torchvision's {len(names)} classification models. Got {name!r}. "
        f"Near ones: {listing}."
    )


def _build(name: str, _options: NoOptions, classes: int, image_shape: ImageShape) -> nn.Module:
    from torchvision import models

    arguments = ARGUMENTS.get(name, {})
    network: nn.Module = models.get_model(name, weights=None, num_classes=classes, **arguments)
    _check_input(PREFIX + name, network, image_shape)
    return network


def _check_input(name: str, network: nn.Module, image_shape: ImageShape) -> None:
    """Pass the shape through the network, without data: a wrong one fails now, not when trained."""
    state = dict(itertools.chain(network.named_parameters(), network.named_buffers()))
    shapes = {key: torch.empty_like(value, device="meta") for key, value in state.items()}
    image = torch.empty(1, *image_shape, device="meta")
    network.eval()  # Batch norm refuses a batch of one in training.
    try:
        with torch.no_grad():
            functional_call(network, shapes, (image,))
    # Each model words and types its refusal in its own way.
    except Exception as error:
        raise StudyError(
            f"Expected images of a shape that {name} accepts. "
            f"Got {image_shape[0]}x{image_shape[1]}x{image_shape[2]} (channels x height x width): "
            f"{error}. Resize the images, or choose a model for this size."
        ) from error
    network.train()


MODELS = TorchvisionModels()
