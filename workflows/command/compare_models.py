"""Models and data of one's own by name, for `repsim compare --model`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from repsim.errors import InputError, StudyError, unknown_name
from repsim.extras import required

if TYPE_CHECKING:
    from torch import nn

__all__ = ["loaded_data", "loaded_models"]


def loaded_models(models: list[str], weights: list[str] | None) -> "dict[str, nn.Module]":
    """The models by name, with their weights.

    Parameters
    ----------
    models
        Each as ``name=module:function``.
    weights
        Each as ``name=file``, or files in the order of the models.

    Raises
    ------
    StudyError
        For one that cannot be imported or called, or weights that do not fit.
    InputError
        For another form, a name that is given twice, and weights of no model.
    """
    from repsim.registry import call_dotted

    module = required("torch", "models", "which runs models").nn.Module
    paths: dict[str, str] = {}
    for one in models:
        name, equals, path = one.partition("=")
        if not equals or not name or ":" not in path:
            raise InputError(f"Expected a model as NAME=MODULE:FUNCTION. Got {one!r}.")
        if name in paths:
            raise InputError(f"Expected models of different names. Got {name!r} twice.")
        paths[name] = path
    of_models = _weights(weights or [], list(paths))
    found: dict[str, nn.Module] = {}
    for name, path in paths.items():
        built = call_dotted(path, {}, what="model")
        if not isinstance(built, module):
            raise StudyError(f"Expected a torch module from {path}. Got a {type(built).__name__}.")
        if name in of_models:
            _load(built, Path(of_models[name]), name)
        found[name] = built
    return found


def loaded_data(path: str | None) -> Any:
    """What ``module:loader`` names, called if it is a function.

    Raises
    ------
    StudyError
        When it cannot be imported, or fails.
    InputError
        When there is none.
    """
    from repsim.registry import call_dotted, load_dotted

    if path is None:
        raise InputError("Expected the data of the models: --data MODULE:LOADER. Got none.")
    found = load_dotted(path, "data loader")
    iterates = hasattr(found, "__iter__") or hasattr(found, "__getitem__")
    return found if iterates or not callable(found) else call_dotted(path, {}, what="data loader")


def _weights(given: list[str], models: list[str]) -> dict[str, str]:
    named = {}
    unnamed = []
    for one in given:
        name, equals, path = one.partition("=")
        if equals and name in models:
            named[name] = path
        elif equals and not Path(one).exists():
            raise InputError(unknown_name("model", name, models))
        else:
            unnamed.append(one)
    others = [name for name in models if name not in named]
    if len(unnamed) > len(others):
        raise InputError(
            f"Expected weights of at most {len(models)} models. Got {len(given)} files."
        )
    return {**named, **dict(zip(others, unnamed, strict=False))}


def _load(model: "nn.Module", file: Path, name: str) -> None:
    from repsim.models.weights import fitted, read_state

    if not file.is_file():
        raise InputError(f"Expected a file of weights of {name}. Got {file}, which does not exist.")
    state = read_state(file, str(file))
    fitting, _ = fitted(state, lambda outputs: model, 0, model=name, name=str(file))  # noqa: ARG005
    model.load_state_dict(fitting)
