"""The peel: the critical ε of every neuron, hence the maximum match at every ε, in one pass.

Remove, again and again, the neuron that lies furthest from the other layer's remaining neurons.
The running minimum of that furthest distance is the removed neuron's critical ε.

Why. Let S be what remains when the running minimum first falls to ε or below: then every neuron
of S is within ε of the other side of S, so S is a match at ε. Conversely, take any match T at ε.
The first neuron of T to be removed was within ε of T's other side, all of which still remained,
so the furthest distance was at most ε at that moment: T is contained in S. Hence S is the
maximum match at ε, for every ε at once.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from repsim.matching.geometry import Geometry

__all__ = ["Peeled", "peel"]

# Two levels nearer than their uncertainty are one level; a badly conditioned layer, whose
# uncertainty is large, must not merge more than this.
WIDEST_TIE = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class Peeled:
    """What the peel found, over the live neurons, X before Y.

    Parameters
    ----------
    critical : array (n,)
        Critical ε.
    uncertainty : array (n,)
        Bound on its error.
    rank_x, rank_y : int
        Dimension of the span of each layer.
    """

    critical: Float64[np.ndarray, " n"]
    uncertainty: Float64[np.ndarray, " n"]
    rank_x: int
    rank_y: int


@dataclass(frozen=True)
class _Furthest:
    """The neuron furthest from the other side, and how well that distance is known."""

    place: int
    distance: float
    below: float
    above: float
    all_exact: bool


class _Stage:
    """The neurons that remain, with both spans factorised once and corrected for removals."""

    def __init__(self, geometry: Geometry, alive: Int64[np.ndarray, " n"]) -> None:
        self._alive = alive
        self._here = np.ones(len(alive), dtype=bool)
        self._split = int(np.searchsorted(alive, geometry.split))
        x, y = alive[: self._split], alive[self._split :]
        room = geometry.room(len(alive))
        self._onto_y = geometry.span(y, x, room=room)
        self._onto_x = geometry.span(x, y, room=room)

    @property
    def ranks(self) -> tuple[int, int]:
        """Dimension of the span of X and of Y at the start of the stage."""
        return self._onto_x.rank, self._onto_y.rank

    def neuron(self, place: int) -> int:
        """The neuron at a place of this stage."""
        return int(self._alive[place])

    @property
    def left(self) -> Int64[np.ndarray, " n"]:
        """The neurons that remain."""
        return self._alive[self._here]

    def furthest(self) -> _Furthest | None:
        """Look at all remaining distances; None when one side is empty."""
        here = self._here
        if not (here[: self._split].any() and here[self._split :].any()):
            return None
        square = np.concatenate((self._onto_y.distance2(), self._onto_x.distance2()))
        doubt2 = np.concatenate((self._onto_y.doubt2(), self._onto_x.doubt2()))
        square[~here] = -np.inf
        place = int(np.argmax(square))
        distance = float(np.sqrt(square[place]))
        lowest = float(np.sqrt(max(square[place] - doubt2[place], 0.0)))
        highest = float(np.sqrt(np.max(square + doubt2)))
        return _Furthest(
            place=place,
            distance=min(distance, 1.0),
            below=distance - lowest,
            above=highest - distance,
            all_exact=bool((square <= doubt2).all()),
        )

    def remove(self, place: int) -> bool:
        """Remove a neuron; False when the spans are stale and a new stage has to begin."""
        self._here[place] = False
        if place < self._split:
            return self._onto_x.remove(place)
        return self._onto_y.remove(place - self._split)


def peel(geometry: Geometry) -> Peeled:
    """Critical ε of every live neuron, in O(n³) operations altogether."""
    critical, uncertainty = np.ones(geometry.size), np.zeros(geometry.size)
    left = np.arange(geometry.size)
    level, doubt = 1.0, 0.0
    ranks = None
    while True:
        stage = _Stage(geometry, left)
        ranks = ranks or stage.ranks
        fresh = True
        while fresh:
            far = stage.furthest()
            if far is None or far.all_exact:
                left = stage.left
                # Neurons that nothing spans any more leave with the neuron before them.
                rest = (level, doubt) if far is None else (0.0, far.distance + far.above)
                critical[left], uncertainty[left] = rest
                return Peeled(
                    critical=critical, uncertainty=uncertainty, rank_x=ranks[0], rank_y=ranks[1]
                )
            if far.distance < level - min(far.below, WIDEST_TIE):
                level, doubt = far.distance, max(far.below, far.above)
            gone = stage.neuron(far.place)
            critical[gone], uncertainty[gone] = level, doubt
            fresh = stage.remove(far.place)
        left = stage.left
