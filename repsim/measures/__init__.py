"""Similarity measures: one file each, from the moments of a pair to a value.

A measure is a module of this package with a pydantic model ``Options`` that has a ``convention``
(the id that stands beside each value), ``centred``, and a ``value(moments)``. A new measure is one
new file.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Protocol, cast

from repsim.errors import StudyError, unknown_name
from repsim.measures.cka import cka
from repsim.moments import Moments
from repsim.options import validated_options

__all__ = ["Measure", "cka", "load_measure", "measure_names"]


class Measure(Protocol):
    """A measure with its options."""

    @property
    def convention(self) -> str:
        """Id of the exact definition, for tables."""

    @property
    def centred(self) -> bool:
        """Whether each neuron's mean is removed."""

    def value(self, moments: Moments) -> float:
        """The measure of a pair at a layer; NaN where it is not defined."""


def measure_names() -> tuple[str, ...]:
    """Measures that a study can list."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def load_measure(name: str, options: Mapping[str, object]) -> Measure:
    """A measure by name.

    Raises
    ------
    StudyError
        For an unknown name or option.
    """
    if name not in measure_names():
        raise StudyError(unknown_name("measure", name, measure_names()))
    module = importlib.import_module(f"{__name__}.{name}")
    return cast(Measure, validated_options(module.Options, options, f"measure {name!r}"))
