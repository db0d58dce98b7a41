"""Models: networks with named layers, one file per architecture.

A new architecture is one new module here with ``MODELS``, a mapping from names to
`repsim.models.builder.Builder`; it is found by that name.
"""

from collections.abc import Callable, Mapping

from torch import nn

from repsim.errors import StudyError, unknown_name
from repsim.models import huggingface_models, timm_models, torchvision_models
from repsim.models.builder import CIFAR_INPUT, Builder, ImageShape
from repsim.models.plain_network import plain_network
from repsim.models.torchvision_models import PREFIX, unknown_model
from repsim.models.weights import State
from repsim.options import validated_options
from repsim.registry import Registry, call_dotted
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
    classes: int,
    image_shape: ImageShape,
    output: str | int | None = None,
) -> nn.Module:
    """Build a network with new random weights, whose output is logits.

    The weights come from torch's global generator: seed it before. What a function of one's own
    returns is made a `plain_network`.

    Parameters
    ----------
    name
        One of `model_names`, or ``package.module:function``; the function is called with
        ``classes``, ``image_shape`` and the options as keyword arguments and returns a module.
    options
        Options of that model.
    classes
        Number of logits.
    image_shape
        (channels, height, width) of the images.
    output
        Where the logits are, if the network puts out several tensors: key, attribute or position.

    Raises
    ------
    StudyError
        No such model, a wrong option, images of a size that the model cannot take, or a function
        of one's own that fails or returns what cannot be trained.

    Examples
    --------
    >>> network = build_model("small_cnn", {"width": 0.5}, classes=10, image_shape=(1, 16, 16))
    >>> network.classifier.fc1
    Linear(in_features=384, out_features=16, bias=True)
    """
    path = MODELS.path_of(name)
    if path is not None:
        given = {"classes": classes, "image_shape": image_shape}
        try:
            network = call_dotted(path, options, what="model", given=given)
        except StudyError:
            raise
        # The function is somebody else's, and may raise anything.
        except Exception as error:
            raise StudyError(
                f"Expected model {name!r} to return a torch.nn.Module. "
                f"Got {type(error).__name__}: {error}"
            ) from error
        if not isinstance(network, nn.Module):
            raise StudyError(
                f"Expected model {name!r} to return a torch.nn.Module. "
                f"Got {type(network).__name__}."
            )
        return plain_network(network, image_shape, output)
    builder = _builder(name)
    checked = validated_options(builder.options, options, f"model {name!r}")
    return plain_network(builder.build(checked, classes, image_shape), image_shape, output)


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


def default_input(name: str) -> tuple[int, ImageShape]:
    """Classes and image shape to look at the layers of a model with, when no data is given.

    Raises
    ------
    StudyError
        No such model.

    Examples
    --------
    >>> default_input("vgg16")
    (10, (3, 32, 32))
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
