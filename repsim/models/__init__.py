"""Models: networks with named layers, one file per architecture.

A new architecture is one new module here with ``MODELS``, a mapping from names to
`repsim.models.builder.Builder`; it is found by that name.
"""

import inspect
from collections.abc import Callable, Collection, Mapping

from torch import nn

from repsim.errors import StudyError, unknown_name
from repsim.inputs import InputSpec
from repsim.models import huggingface_models, timm_models, torchvision_models
from repsim.models.builder import CIFAR_INPUT, Builder
from repsim.models.plain_network import plain_network
from repsim.models.torchvision_models import PREFIX, unknown_model
from repsim.models.weights import State
from repsim.options import validated_options
from repsim.registry import Registry, call_dotted, load_dotted
from repsim.study import Model

__all__ = ["MODELS", "build_model", "default_input", "model_names", "pretrained"]

MODELS: Registry[Builder] = Registry(
    kind="model", package=__name__, offered=lambda _, module: getattr(module, "MODELS", {})
)


_PRETRAINED: dict[str, Callable[[str], tuple[Model, State]]] = {
    "torchvision": torchvision_models.pretrained,
    "timm": timm_models.pretrained,
    "hf": huggingface_models.pretrained,
}


def build_model(
    name: str,
    options: Mapping[str, object],
    *,
    inputs: InputSpec,
    outputs: int | None,
    output: str | int | None = None,
) -> nn.Module:
    """Build a network with new random weights, whose output is a tensor.

    The weights come from torch's global generator: seed it before. What a function of one's own
    returns is made a `plain_network`.

    Parameters
    ----------
    name
        One of `model_names`, or ``package.module:function``; the function is called with
        ``inputs``, ``outputs`` and the options as keyword arguments and returns a module.
    options
        Options of that model.
    inputs
        What it is given.
    outputs
        How many logits or numbers it puts out for each example; None where the data do not say.
    output
        Where these are, if the network puts out several tensors: key, attribute or position.

    Raises
    ------
    StudyError
        No such model, a wrong option, inputs that the model cannot take, or a function of one's own
        that fails or returns what cannot be trained.

    Examples
    --------
    >>> images = InputSpec(shape=(1, 16, 16))
    >>> network = build_model("small_cnn", {"width": 0.5}, inputs=images, outputs=10)
    >>> network.classifier.fc1
    Linear(in_features=384, out_features=16, bias=True)
    """
    path = MODELS.path_of(name)
    if path is not None:
        given = {"inputs": inputs, "outputs": outputs}
        _check_keywords(path, options)
        network = call_dotted(path, options, what="model", given=given)
        if not isinstance(network, nn.Module):
            raise StudyError(
                f"Expected model {name!r} to return a torch.nn.Module. "
                f"Got {type(network).__name__}."
            )
        return plain_network(network, inputs, output)
    builder = _builder(name)
    checked = validated_options(builder.options, options, f"model {name!r}")
    if builder.images and not inputs.are_images:
        axis = " Give images without channels as images[:, None]." if len(inputs.shape) == 2 else ""
        raise StudyError(
            f"Expected images (channels, height, width) for model {name!r}. Got {inputs}.{axis} "
            'Choose model "mlp", which takes numbers of any shape, or one of your own '
            "(package.module:function)."
        )
    if outputs is None:
        raise StudyError(
            f"Expected data that say how many outputs model {name!r} has. Got data without "
            "targets. Give the number of classes (from_arrays(classes=...)), or choose a model of "
            "your own (package.module:function)."
        )
    return plain_network(builder.build(checked, inputs, outputs), inputs, output)


def _check_keywords(path: str, options: Collection[str]) -> None:
    """Refuse a function for the keywords that models had in earlier versions."""
    function = load_dotted(path, "model")
    try:
        parameters = inspect.signature(function).parameters  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return  # `call_dotted` says what it is if it is no function.
    earlier = [name for name in ("classes", "image_shape") if name in parameters]
    if (
        earlier
        and not {"inputs", "outputs"} & parameters.keys()
        and not set(earlier) & set(options)
    ):
        raise StudyError(
            f"Expected model {path!r} to take inputs (a repsim.data.InputSpec) and outputs (their "
            f"number). Got a function of {' and '.join(earlier)}, as in earlier versions. Write "
            "outputs for classes and inputs.shape for image_shape."
        )


def model_names() -> tuple[str, ...]:
    """Names of all models, torchvision's included.

    Examples
    --------
    >>> [name for name in model_names() if name.startswith("plain")]
    ['plain20', 'plain32', 'plain34', 'plain42', 'plain44', 'plain56']
    """
    return MODELS.names


def pretrained(library: str, name: str) -> tuple[Model, State]:
    """The model and the weights that a library publishes, read by its own loader.

    Parameters
    ----------
    library
        ``torchvision``, ``timm`` or ``hf``.
    name
        As in the library; for ``hf`` also a folder.

    Raises
    ------
    StudyError
        When the library is not installed or has no such weights.
    """
    return _PRETRAINED[library](name)


def default_input(name: str) -> tuple[InputSpec, int]:
    """Inputs and number of outputs to look at the layers of a model with, when no data is given.

    Raises
    ------
    StudyError
        No such model.

    Examples
    --------
    >>> inputs, outputs = default_input("vgg16")
    >>> str(inputs), outputs
    ('images of shape 3x32x32', 10)
    """
    if MODELS.path_of(name) is not None:
        return CIFAR_INPUT
    return _builder(name).default_input


def _builder(name: str) -> Builder:
    found = MODELS.built_in(name)
    if found is not None:
        return found
    if name.startswith(PREFIX):
        raise StudyError(unknown_model(name))
    names = model_names()
    if PREFIX + name in names:
        raise StudyError(
            f"Expected a known model. Got {name!r}. Did you mean {PREFIX + name!r}? "
            "Models of torchvision are named with that prefix."
        )
    own = [known for known in names if not known.startswith(PREFIX)]
    raise StudyError(
        unknown_name("model", name, own) + f" Models of torchvision are named '{PREFIX}NAME', one "
        "of your own 'package.module:function'."
    )
