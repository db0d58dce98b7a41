"""What a measure is: its base classes, the properties it declares, and what several share.

The registry takes the modules of `repsim.measures` as measures, but not this folder.
"""

from repsim.measures.contract.cautions import caution_of, checked_value, value_and_caution
from repsim.measures.contract.directions import Of, PrincipalDirections
from repsim.measures.contract.function import documented, measured
from repsim.measures.contract.measure import (
    CentredOption,
    ExamplesMeasure,
    Measure,
    MomentsMeasure,
    Presets,
    Statistic,
    check_samples,
    digits_lost,
    rounding_of,
)
from repsim.measures.contract.properties import ROTATIONS, Invariance, Layer, Properties

__all__ = [
    "ROTATIONS",
    "CentredOption",
    "ExamplesMeasure",
    "Invariance",
    "Layer",
    "Measure",
    "MomentsMeasure",
    "Of",
    "Presets",
    "PrincipalDirections",
    "Properties",
    "Statistic",
    "caution_of",
    "check_samples",
    "checked_value",
    "digits_lost",
    "documented",
    "measured",
    "rounding_of",
    "value_and_caution",
]
