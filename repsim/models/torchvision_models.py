"""Every classification model of torchvision, as ``torchvision.NAME``, and its published weights.

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

from repsim.errors import StudyError, unknown_name
from repsim.inputs import InputSpec
from repsim.models.builder import Builder, NoOptions
from repsim.models.weights import State, first_line
from repsim.options import StrictOptions
from repsim.study import Model

__all__ = ["MODELS", "PREFIX", "pretrained", "unknown_model"]

PREFIX = "torchvision."

# Auxiliary heads make the output a tuple in training; without them, one set of logits comes out.
# Their random initialisation must be asked for, or torchvision warns that it will change.
ARGUMENTS: dict[str, dict[str, object]] = {
    "googlenet": {"aux_logits": False, "init_weights": True},
    "inception_v3": {"aux_logits": False, "init_weights": True},
}
IMAGENET_INPUT = (InputSpec(shape=(3, 224, 224)), 1000)
# Heads that only training uses.
AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
INPUTS = {"inception_v3": (InputSpec(shape=(3, 299, 299)), 1000)}


class InceptionOptions(StrictOptions):
    """Options of the models that can undo the usual normalisation of ImageNet's images."""

    transform_input: bool = False


class TorchvisionModels(Mapping[str, Builder]):
    """The models by name; torchvision is imported when one of its names is asked for."""

    def __getitem__(self, name: str) -> Builder:
        bare = name.removeprefix(PREFIX)
        if bare == name or bare not in _names():
            raise KeyError(name)
        return Builder(
            options=InceptionOptions if bare in ARGUMENTS else NoOptions,
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


def pretrained(name: str) -> tuple[Model, State]:
    """The model and the weights that torchvision has under a name, from its cache or fetched.

    Parameters
    ----------
    name
        Such as ``ResNet18_Weights.IMAGENET1K_V1``.

    Raises
    ------
    StudyError
        When torchvision does not know them, or cannot fetch them.
    """
    from torchvision import models

    of = {models.get_model_weights(model).__name__: model for model in _names()}
    family, _, version = name.partition(".")
    if family not in of:
        near = difflib.get_close_matches(family, of, n=3, cutoff=0.4)
        hint = f" Near ones: {', '.join(near)}." if near else ""
        raise StudyError(
            "Expected weights of a classification model of torchvision, as in "
            f"torchvision:ResNet18_Weights.DEFAULT. Got {name!r}.{hint}"
        )
    versions = [f"{family}.{one}" for one in models.get_model_weights(of[family]).__members__]
    if name not in versions:
        raise StudyError(unknown_name("name of torchvision's weights", name, versions))
    model = of[family]
    try:
        network = models.get_model(model, weights=version, progress=False)
    # urllib, the hash of the file and what reads it each fail in a way of their own.
    except Exception as problem:
        raise StudyError(
            "Expected weights that torchvision has in its cache (TORCH_HOME) or can fetch. Got "
            f"{name}: {first_line(problem)}."
        ) from problem
    options = {"transform_input": True} if model in ARGUMENTS else {}
    state = network.state_dict().items()
    return Model(name=PREFIX + model, **options), {
        key: value for key, value in state if not key.startswith(AUXILIARY)
    }


def _build(name: str, options: StrictOptions, inputs: InputSpec, outputs: int) -> nn.Module:
    from torchvision import models

    arguments = ARGUMENTS.get(name, {}) | options.model_dump()
    network: nn.Module = models.get_model(name, weights=None, num_classes=outputs, **arguments)
    _check_input(PREFIX + name, network, inputs)
    return network


def _check_input(name: str, network: nn.Module, inputs: InputSpec) -> None:
    """Pass the shape through the network, without data: a wrong one fails now, not when trained."""
    state = dict(itertools.chain(network.named_parameters(), network.named_buffers()))
    shapes = {key: torch.empty_like(value, device="meta") for key, value in state.items()}
    image = inputs.zeros(1, torch.device("meta"))
    network.eval()  # Batch norm refuses a batch of one in training.
    try:
        with torch.no_grad():
            functional_call(network, shapes, (image,))
    # Each model words and types its refusal in its own way.
    except Exception as error:
        raise StudyError(
            f"Expected images of a shape that {name} accepts. Got {inputs}: {error}. Resize the "
            "images, or choose a model for this size."
        ) from error
    network.train()


MODELS = TorchvisionModels()
