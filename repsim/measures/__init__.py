"""Similarity measures: one file each, from the statistic of a pair to a value.

A measure is a module of this package with a pydantic model ``Options`` that has a ``convention``
(the id that stands beside each value), ``centred``, ``statistic``, ``properties`` and a
``value(statistic)``; see `repsim.measures.contract`. A new measure is one new file.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import cast

from repsim.errors import StudyError, unknown_name
from repsim.measures.bures import bures
from repsim.measures.cca import cca, cca_spectrum
from repsim.measures.cka import cka
from repsim.measures.contract import (
    Invariance,
    Measure,
    Properties,
    Statistic,
    caution_of,
    checked_value,
    value_and_caution,
)
from repsim.measures.linear_regression import linear_regression
from repsim.measures.minibatch_cka import minibatch_cka
from repsim.measures.mutual_knn import mutual_knn
from repsim.measures.procrustes import procrustes
from repsim.measures.pwcca import pwcca
from repsim.measures.rbf_cka import rbf_cka
from repsim.measures.rsa import rsa
from repsim.measures.subspace_overlap import subspace_overlap
from repsim.measures.svcca import svcca
from repsim.options import validated_options

__all__ = [
    "Invariance",
    "Measure",
    "Properties",
    "Statistic",
    "bures",
    "caution_of",
    "cca",
    "cca_spectrum",
    "checked_value",
    "cka",
    "linear_regression",
    "load_measure",
    "measure_names",
    "minibatch_cka",
    "mutual_knn",
    "procrustes",
    "pwcca",
    "rbf_cka",
    "rsa",
    "subspace_overlap",
    "svcca",
    "value_and_caution",
]


@cache
def measure_names() -> tuple[str, ...]:
    """Measures that a study can list."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.ispkg))


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
