"""What a measure is: the properties it declares, the protocol, and what several share.

The registry takes the modules of `repsim.measures` as measures; a folder is none.
"""

from repsim.measures.contract.cautions import (
    caution_of,
    checked_value,
    digits_lost,
    rounding_of,
    value_and_caution,
    value_of,
)
from repsim.measures.contract.compat import compatible
from repsim.measures.contract.directions import Of, PrincipalDirections
from repsim.measures.contract.pairs import check_samples, moments_of
from repsim.measures.contract.properties import Invariance, Layer, Properties
from repsim.measures.contract.protocol import Measure, Statistic

__all__ = [
    "Invariance",
    "Layer",
    "Measure",
    "Of",
    "PrincipalDirections",
    "Properties",
    "Statistic",
    "caution_of",
    "check_samples",
    "checked_value",
    "compatible",
    "digits_lost",
    "moments_of",
    "rounding_of",
    "value_and_caution",
    "value_of",
]
