"""Who survives the removal of a neuron: the facts behind certificates of minimality and uniqueness.

For a match S and a neuron u of it, the survivors are the maximum match inside S without u.

- A neuron v is *minimal* in S (no smaller match inside S holds it) if and only if v survives the
  removal of no other neuron: any smaller match misses some u, and is inside its survivors.
- Every match inside S that holds v holds each u whose removal kills v. So these *necessary*
  neurons, with v, are contained in every v-minimal match. Hence a v-minimal match T is the only
  one, and v's minimum match, if and only if removing any member of T from all of S kills v. (If
  T is the only one, every match that holds v contains T, and no survivor set misses a part of T.)
"""

import numpy as np
from jaxtyping import Bool, Int64

from repsim.matching.geometry import Geometry
from repsim.matching.sieve import Sieve

__all__ = ["Survivors", "is_minimal"]


class Survivors:
    """Survivors of each single removal from a match, computed on demand."""

    def __init__(self, geometry: Geometry, match: Int64[np.ndarray, " m"], eps: float) -> None:
        self._size = geometry.size
        self._sieve = Sieve(geometry, match, eps)
        self._known: dict[int, Bool[np.ndarray, " size"]] = {}

    def without(self, neuron: int) -> Bool[np.ndarray, " size"]:
        """Who survives the removal of a neuron, over all neurons."""
        if neuron not in self._known:
            mark = self._sieve.mark()
            rest = self._sieve.without(neuron, known=self._known)
            left = np.zeros(self._size, dtype=bool)
            if rest is not None:
                left[rest.members] = True
            self._sieve.restore(mark)
            self._known[neuron] = left
        return self._known[neuron]

    def is_minimum(self, minimal: Int64[np.ndarray, " k"], neuron: int) -> bool:
        """Whether a minimal match of a neuron is inside every match that holds the neuron."""
        return not any(
            self.without(member)[neuron] for member in minimal.tolist() if member != neuron
        )


def is_minimal(
    geometry: Geometry, match: Int64[np.ndarray, " m"], eps: float, group: Int64[np.ndarray, " k"]
) -> bool:
    """Whether removing any member of a match kills every (other) neuron of a group of it.

    Independent of how the match was found: every member is taken out of a fresh factorisation.
    """
    sieve = Sieve(geometry, match, eps)
    fatal = np.zeros(geometry.size, dtype=bool)
    for neuron in match.tolist():
        others = group[group != neuron]
        if len(others) and sieve.without(neuron, needed=fatal, wanted=others) is not None:
            return False
        fatal[neuron] = True
    return True
