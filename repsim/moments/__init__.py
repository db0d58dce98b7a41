"""Statistics of a pair of layers that merge: read the activations once, keep p × q of them."""

from repsim.moments.factor import Factor
from repsim.moments.norms import Norms
from repsim.moments.permuted import Permuted, permutation, within_classes
from repsim.moments.resamples import Resamples, UnitOrder
from repsim.moments.samples import ArrayLike
from repsim.moments.second import Moments
from repsim.moments.tile_sums import TileSums
from repsim.moments.units import Units

__all__ = [
    "ArrayLike",
    "Factor",
    "Moments",
    "Norms",
    "Permuted",
    "Resamples",
    "TileSums",
    "UnitOrder",
    "Units",
    "permutation",
    "within_classes",
]
