"""The maximum match inside a set of neurons at one ε, when neurons are taken out one by one.

`core(S)`, the maximum match inside S, is found by removing neurons further than ε from the other
side until none is. It is monotone: a smaller set has a smaller core. Everything about minimal
matches follows from cores of S without one neuron, so taking a neuron out, and putting it back
when that killed what must live, are made cheap here: a few rank-one corrections, undone by
forgetting them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float64, Int64

from repsim.matching.geometry import Geometry
from repsim.matching.span import SpanState

__all__ = ["Sieve"]

# Above this share of its neurons leaving at once, a fresh factorisation is cheaper than
# corrections one by one.
LANDSLIDE = 0.1

# ε is inclusive: distances within their own uncertainty of it are inside, up to this much.
WIDEST_TIE = 1e-9

NOTHING_KNOWN: Mapping[int, Bool[np.ndarray, " size"]] = MappingProxyType({})


@dataclass(frozen=True)
class _Mark:
    spans: tuple[SpanState, SpanState]
    here: Bool[np.ndarray, " n"]


class Sieve:
    """A set of live neurons at one ε, with the spans of both its sides factorised.

    Parameters
    ----------
    geometry : Geometry
        The neurons; they are numbered as there.
    members : int array
        The set, sorted.
    eps : float
        The ε of all matches in question.
    """

    def __init__(self, geometry: Geometry, members: Int64[np.ndarray, " n"], eps: float) -> None:
        self._geometry, self._eps = geometry, eps
        self._all = members
        self._here = np.ones(len(members), dtype=bool)
        self._split = int(np.searchsorted(members, geometry.split))
        self._place = np.full(geometry.size, -1)
        self._place[members] = np.arange(len(members))
        x, y = members[: self._split], members[self._split :]
        room = geometry.room(len(members))
        self._onto_y = geometry.span(y, x, room=room)
        self._onto_x = geometry.span(x, y, room=room)
        doubt2 = np.concatenate((self._onto_y.doubt2(), self._onto_x.doubt2()))
        self._doubt2 = doubt2
        # A distance of zero up to rounding is zero, so that exact matches are found at ε = 0.
        self._limit2 = np.maximum(doubt2, eps**2 + np.minimum(doubt2, 2 * eps * WIDEST_TIE))

    @classmethod
    def of_match(cls, geometry: Geometry, members: Int64[np.ndarray, " n"], eps: float) -> "Sieve":
        """Sieve of the maximum match inside a set."""
        sieve = cls(geometry, members, eps)._settled(None, None, NOTHING_KNOWN)
        if sieve is None:
            raise AssertionError("nothing was required to stay")
        return sieve

    @property
    def members(self) -> Int64[np.ndarray, " m"]:
        """The neurons that are in the set now."""
        return self._all[self._here]

    def holds(self, neurons: Int64[np.ndarray, " k"]) -> Bool[np.ndarray, " k"]:
        """Which of some neurons are in the set now."""
        places = self._place[neurons]
        inside: Bool[np.ndarray, " k"] = np.asarray(places >= 0)
        inside[inside] = self._here[places[inside]]
        return inside

    def largest_distance(self) -> float:
        """Largest distance of a member to the other side; 0 for the empty set."""
        inside = self._distance2()[self._here]
        return float(np.sqrt(inside.max())) if len(inside) else 0.0

    def largest_excess(self) -> float:
        """Largest distance that is not zero up to rounding; 0 when there is none."""
        square = self._distance2()
        outside = square[self._here & (square > self._doubt2)]
        return float(np.sqrt(outside.max())) if len(outside) else 0.0

    def without(
        self,
        neuron: int,
        *,
        needed: Bool[np.ndarray, " size"] | None = None,
        wanted: Int64[np.ndarray, " k"] | None = None,
        known: Mapping[int, Bool[np.ndarray, " size"]] = NOTHING_KNOWN,
    ) -> "Sieve | None":
        """Sieve of the maximum match inside the set without a neuron of it.

        Parameters
        ----------
        neuron : int
            The neuron to take out.
        needed : bool array over all neurons, optional
            None of these may leave.
        wanted : int array, optional
            At least one of these must stay.
        known : mapping, optional
            For some neurons, who is left of this set when they are taken out of it.

        Returns
        -------
        Sieve or None
            This sieve, changed, or a fresh one. None when a condition fails, as soon as it does;
            then this sieve is as it was before.
        """
        mark = self.mark()
        fresh = not self._remove(int(self._place[neuron]))
        start = self._refactored() if fresh else self
        result = start._settled(needed, wanted, known)
        if result is None:
            self.restore(mark)
        return result

    def mark(self) -> _Mark:
        """State to come back to by `restore`, as long as this sieve was not replaced."""
        return _Mark(
            spans=(self._onto_y.state(), self._onto_x.state()),
            here=self._here.copy(),
        )

    def restore(self, mark: _Mark) -> None:
        """Forget all that was done since the mark was set."""
        self._onto_y.restore(mark.spans[0])
        self._onto_x.restore(mark.spans[1])
        self._here = mark.here.copy()

    def _distance2(self) -> Float64[np.ndarray, " n"]:
        return np.concatenate((self._onto_y.distance2(), self._onto_x.distance2()))

    def _remove(self, place: int) -> bool:
        """Take a neuron out; False when the spans are stale and have to be factorised anew."""
        self._here[place] = False
        if place < self._split:
            return self._onto_x.remove(place)
        return self._onto_y.remove(place - self._split)

    def _refactored(self) -> "Sieve":
        return type(self)(self._geometry, self.members, self._eps)

    def _settled(
        self,
        needed: Bool[np.ndarray, " size"] | None,
        wanted: Int64[np.ndarray, " k"] | None,
        known: Mapping[int, Bool[np.ndarray, " size"]],
    ) -> "Sieve | None":
        """Remove what is further than ε until nothing is; None when a condition fails."""
        sieve = self
        while True:
            here = sieve._here
            far = np.flatnonzero(here & (sieve._distance2() > sieve._limit2))
            if wanted is not None and not sieve.holds(wanted).any():
                return None
            if not len(far):
                return sieve
            if needed is not None and needed[sieve._all[far]].any():
                return None
            # What goes with a neuron that was tried before goes now, too: cores are monotone.
            told = [known[neuron] for neuron in sieve._all[far].tolist() if neuron in known]
            if told:
                here &= np.logical_and.reduce(told)[sieve._all]
            if told or len(far) > LANDSLIDE * np.count_nonzero(here):
                here[far] = False
                sieve = sieve._refactored()
                continue
            for place in far:
                if not sieve._remove(int(place)):
                    here[far] = False
                    sieve = sieve._refactored()
                    break
