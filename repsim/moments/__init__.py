"""Statistics of a pair of layers that merge: read the activations once, keep p × q of them."""

from repsim.moments.exchanged import Exchanged
from repsim.moments.factor import Factor
from repsim.moments.norms import Norms
from repsim.moments.resamples import Resamples
from repsim.moments.samples import ArrayLike
from repsim.moments.second import Moments
from repsim.moments.tile_sums import TileSums

__all__ = ["ArrayLike", "Exchanged", "Factor", "Moments", "Norms", "Resamples", "TileSums"]
