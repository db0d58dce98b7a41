"""Datasets by name: a module of this package, or ``package.module:function`` of one's own."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

import repsim.data
from repsim.data.source import DataSource, check_examples
from repsim.errors import StudyError, unknown_name
from repsim.options import StrictOptions, call_dotted, is_dotted, validated_options

__all__ = ["dataset_names", "load_data"]


def load_data(name: str, options: Mapping[str, object]) -> DataSource:
    """Load the dataset that a study names.

    Parameters
    ----------
    name
        One of `dataset_names`, or ``package.module:function``; the function is called with the
        options as keyword arguments and returns a `DataSource` (see `from_arrays`).
    options
        Options of that dataset.

    Raises
    ------
    StudyError
        No such dataset, a wrong option, or files that are not there.

    Examples
    --------
    >>> load_data("synthetic", {"classes": 3}).classes
    3
    """
    if is_dotted(name):
        return _own(name, options)
    datasets = _datasets()
    if name not in datasets:
        raise StudyError(
            unknown_name("dataset", name, datasets)
            + " A dataset of your own is named 'package.module:function'."
        )
    model, load = datasets[name]
    return load(validated_options(model, options, f"dataset {name!r}"))


def dataset_names() -> tuple[str, ...]:
    """Names of the datasets that repsim comes with.

    Examples
    --------
    >>> dataset_names()
    ('cifar10', 'digits', 'imagenet', 'synthetic')
    """
    return tuple(_datasets())


def _datasets() -> dict[str, tuple[type[StrictOptions], Callable[[Any], DataSource]]]:
    found = {}
    for entry in pkgutil.iter_modules(repsim.data.__path__):
        module = importlib.import_module(f"{repsim.data.__name__}.{entry.name}")
        if hasattr(module, "Options") and hasattr(module, "load"):
            found[entry.name] = (module.Options, module.load)
    return found


def _own(path: str, options: Mapping[str, object]) -> DataSource:
    source = call_dotted(path, options, what="dataset")
    if not isinstance(source, DataSource):
        raise StudyError(
            f"Expected dataset {path!r} to return a repsim.data.DataSource. "
            f"Got {type(source).__name__}. repsim.data.from_arrays makes one from arrays."
        )
    for part in ("train", "test"):
        split = source.split(part)
        check_examples(split.ids, split.labels, source.classes, f"{part} split of {path!r}")
    return source
