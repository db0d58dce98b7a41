"""Datasets: inputs with targets and ids, one file per dataset.

A new dataset is one new module here with `Options` (a `repsim.options.StrictOptions`) and
``load(options) -> DataSource``; it is found by its file name. The options of `Transform` change any
dataset.
"""

import inspect
from collections.abc import Callable, Collection, Mapping
from types import ModuleType
from typing import Any

import numpy as np
import torch
from pydantic import create_model

from repsim.data.arrays import from_arrays
from repsim.data.source import Augmentation, DataSource, Split, check_examples
from repsim.data.tokens import from_tokens
from repsim.data.transform import Transform
from repsim.errors import RepsimError, StudyError
from repsim.inputs import InputSpec
from repsim.options import StrictOptions, validated_options
from repsim.registry import Registry, call_dotted, load_dotted

__all__ = [
    "DATASETS",
    "Augmentation",
    "DataSource",
    "InputSpec",
    "Split",
    "Transform",
    "dataset_names",
    "from_arrays",
    "from_tokens",
    "load_data",
]


Loader = tuple[type[StrictOptions], Callable[[Any], DataSource]]


def _offered(name: str, module: ModuleType) -> Mapping[str, Loader]:
    known = hasattr(module, "Options") and hasattr(module, "load")
    return {name: (module.Options, module.load)} if known else {}


DATASETS = Registry(kind="dataset", package=__name__, offered=_offered)


def load_data(name: str, options: Mapping[str, object]) -> DataSource:
    """Load the dataset that a study names.

    Parameters
    ----------
    name
        One of `dataset_names`, or ``package.module:function``; the function is called with the
        options as keyword arguments and returns a `DataSource` (see `from_arrays`).
    options
        Options of that dataset, and of `Transform`. An option that the dataset has itself, such as
        the ``examples`` of "synthetic", is its own, and not that of `Transform`.

    Raises
    ------
    StudyError
        No such dataset, a wrong option, or files that are not there.

    Examples
    --------
    >>> load_data("synthetic", {"classes": 3}).classes
    3
    >>> len(load_data("digits", {"examples": 100}).train)
    100
    """
    path = DATASETS.path_of(name)
    where = f"dataset {name!r}"
    if path is None:
        model, load = DATASETS[name]
        validated_options(_with_transform(model), options, where)
        own, changes = _parted(options, model.model_fields)
        transform = validated_options(Transform, changes, where)
        return transform.apply(load(validated_options(model, own, where)))
    own, changes = _parted(options, _parameters(path))
    transform = validated_options(Transform, changes, where)
    source = call_dotted(path, own, what="dataset", known=Transform.model_fields)
    if not isinstance(source, DataSource):
        raise StudyError(
            f"Expected dataset {name!r} to return a repsim.data.DataSource. "
            f"Got {type(source).__name__}. repsim.data.from_arrays makes one from arrays."
        )
    for part in ("train", "test"):
        where = f"{part} split of {name!r}"
        check_examples(source.split(part), where)
        _check_batch(source, part, where)
    return transform.apply(source)


def _check_batch(source: DataSource, part: str, where: str) -> None:
    """Refuse a split whose first example is not what the data set says of it."""
    split = source.split(part)
    try:
        batches = split.batches(
            np.zeros(1, np.int64), batch_size=1, augmentation=None, device=torch.device("cpu")
        )
        batch = next(iter(batches), ())
    except RepsimError:
        raise
    # The class is somebody else's, and may raise anything.
    except Exception as error:
        raise StudyError(
            f"Expected batches from the {where}. Got {type(error).__name__}: {error}."
        ) from error
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        raise StudyError(
            f"Expected batches of (inputs, targets) from the {where}. "
            f"Got a {type(batch).__name__} of {len(batch)}."
        )
    expected = (source.inputs.zeros(1), torch.from_numpy(split.targets[:1]))
    for what, got, like in zip(("inputs", "targets"), batch, expected, strict=True):
        if getattr(got, "dtype", None) != like.dtype or got.shape != like.shape:
            found = getattr(got, "dtype", type(got).__name__)
            raise StudyError(
                f"Expected a batch of one example from the {where} to have {what} of {like.dtype} "
                f"and shape {tuple(like.shape)}. Got {found} of shape {tuple(np.shape(got))}."
            )


def _parted(
    options: Mapping[str, object], own: Collection[str]
) -> tuple[dict[str, object], dict[str, object]]:
    """Options of the dataset, and those of `Transform` that it has not itself."""
    changes = {key for key in Transform.model_fields if key not in own}
    return (
        {key: value for key, value in options.items() if key not in changes},
        {key: value for key, value in options.items() if key in changes},
    )


def _with_transform(model: type[StrictOptions]) -> type[StrictOptions]:
    """The options of a dataset and of `Transform` in one: an unknown key is compared with all."""
    fields = Transform.model_fields.items()
    added: dict[str, Any] = {
        key: (field.annotation, field) for key, field in fields if key not in model.model_fields
    }
    return create_model(model.__name__, __base__=model, **added)


def _parameters(path: str) -> Collection[str]:
    """Names of the parameters of a function, less those that ``**options`` stands for."""
    try:
        parameters = inspect.signature(load_dotted(path, "dataset")).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ()  # `call_dotted` says what it is if it is no function.
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {parameter.name for parameter in parameters if parameter.kind in named}


def dataset_names() -> tuple[str, ...]:
    """Names of the built-in and installed datasets.

    Examples
    --------
    >>> dataset_names()[:4]
    ('cifar10', 'cifar100', 'digits', 'image_regression')
    """
    return DATASETS.names
