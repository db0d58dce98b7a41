"""Statistics of a pair of layers that merge: read the activations once, keep p × q of them."""

from repsim.moments.factor import Factor
from repsim.moments.samples import ArrayLike
from repsim.moments.second import Moments

__all__ = ["ArrayLike", "Factor", "Moments"]
