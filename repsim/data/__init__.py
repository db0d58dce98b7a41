"""Datasets: images with labels and ids, one file per dataset.

A new dataset is one new module here with `Options` (a `repsim.options.StrictOptions`) and
``load(options) -> DataSource``; it is found by its file name.
"""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from repsim.data.arrays import from_arrays
from repsim.data.source import Augmentation, DataSource, Split, check_examples
from repsim.errors import StudyError
from repsim.options import StrictOptions, validated_options
from repsim.registry import Registry, call_dotted

__all__ = [
    "DATASETS",
    "Augmentation",
    "DataSource",
    "Split",
    "dataset_names",
    "from_arrays",
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
    path = DATASETS.path_of(name)
    if path is None:
        model, load = DATASETS[name]
        return load(validated_options(model, options, f"dataset {name!r}"))
    source = call_dotted(path, options, what="dataset")
    if not isinstance(source, DataSource):
        raise StudyError(
            f"Expected dataset {name!r} to return a repsim.data.DataSource. "
            f"Got {type(source).__name__}. repsim.data.from_arrays makes one from arrays."
        )
    for part in ("train", "test"):
        split = source.split(part)
        check_examples(split.ids, split.labels, source.classes, f"{part} split of {name!r}")
    return source


def dataset_names() -> tuple[str, ...]:
    """Names of the built-in and installed datasets.

    Examples
    --------
    >>> dataset_names()
    ('cifar10', 'digits', 'imagenet', 'synthetic')
    """
    return DATASETS.names
