"""Similarity measures: one file each, from the statistic of a pair to a value.

A measure is a module of this package with a class ``Options`` that derives from `MomentsMeasure` or
`ExamplesMeasure`; see `repsim.measures.contract`. A new measure is one new file.
"""

import json
from collections.abc import Mapping
from functools import cache

from repsim.errors import StudyError
from repsim.measures.bures import bures
from repsim.measures.cca import cca, cca_spectrum
from repsim.measures.cka import cka
from repsim.measures.cknna import cknna
from repsim.measures.contract import (
    CentredOption,
    ExamplesMeasure,
    Invariance,
    Measure,
    MomentsMeasure,
    Properties,
    Statistic,
    caution_of,
    checked_value,
    value_and_caution,
)
from repsim.measures.cosine import cosine
from repsim.measures.euclidean import euclidean
from repsim.measures.linear_regression import linear_regression
from repsim.measures.maximum_match import maximum_match
from repsim.measures.minibatch_cka import minibatch_cka
from repsim.measures.mutual_knn import mutual_knn
from repsim.measures.procrustes import procrustes
from repsim.measures.pwcca import pwcca
from repsim.measures.rbf_cka import rbf_cka
from repsim.measures.rsa import rsa
from repsim.measures.subspace_overlap import subspace_overlap
from repsim.measures.svcca import svcca
from repsim.options import validated_options
from repsim.registry import Registry, load_dotted
from repsim.study.digest import canonical_json

__all__ = [
    "MEASURES",
    "CentredOption",
    "ExamplesMeasure",
    "Invariance",
    "Measure",
    "MomentsMeasure",
    "Properties",
    "Statistic",
    "bures",
    "caution_of",
    "cca",
    "cca_spectrum",
    "checked_value",
    "cka",
    "cknna",
    "cosine",
    "euclidean",
    "linear_regression",
    "load_measure",
    "maximum_match",
    "measure_class",
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


MEASURES: Registry[type[Measure]] = Registry(
    kind="measure",
    package=__name__,
    offered=lambda name, module: {name: module.Options} if hasattr(module, "Options") else {},
)


def measure_class(name: str) -> type[Measure]:
    """The class of a measure, whose fields are its options; errors as of `load_measure`."""
    path = MEASURES.path_of(name)
    return MEASURES[name] if path is None else _own(path)


def load_measure(name: str, options: Mapping[str, object]) -> Measure:
    """A measure by name.

    Parameters
    ----------
    name
        One of ``MEASURES.names``, or ``package.module:Name``, a class that derives from
        `MomentsMeasure` or `ExamplesMeasure`.
    options
        Options of that measure, its fields.

    Raises
    ------
    StudyError
        For an unknown name or option, or a class that is no measure.

    Examples
    --------
    >>> load_measure("cca", {"power": 2}).convention
    'cca[power=2,centred]'
    """
    measure = measure_class(name)
    try:
        text = canonical_json(options)
    except (TypeError, ValueError):
        return validated_options(measure, options, f"measure {name!r}")
    return _with_options(measure, name, text)


@cache
def _with_options(measure: type[Measure], name: str, options: str) -> Measure:
    """Checked once for each table of options: the keys of a study ask a million times."""
    return validated_options(measure, json.loads(options), f"measure {name!r}")


def _own(path: str) -> type[Measure]:
    found = load_dotted(path, "measure")
    if not (isinstance(found, type) and issubclass(found, Measure)):
        raise StudyError(
            f"Expected measure {path!r} to be a class that derives from "
            "repsim.measures.MomentsMeasure or repsim.measures.ExamplesMeasure. "
            f"Got {found if isinstance(found, type) else type(found).__name__}."
        )
    missing = sorted(found.__abstractmethods__)
    if not hasattr(found, "centred") and "centred" not in found.model_fields:
        missing.append("centred")
    if missing:
        raise StudyError(
            f"Expected measure {path!r} to define what every measure says of itself. Got no "
            f"{', '.join(missing)}. See repsim.measures.Measure."
        )
    return found
