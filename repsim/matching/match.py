"""A match: a set of neurons of one layer and a set of neurons of another that span each other."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from repsim.errors import InputError

__all__ = ["Match", "check_epsilon"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Match:
    """Neurons X' of X and Y' of Y, by index.

    (X', Y') is an ε-match when every neuron of X' lies within ε (relative to its own length) of
    span(Y'), and every neuron of Y' within ε of span(X'). The empty pair is a match.
    Source: Wang et al. 2018, Definition of ε-approximate match.

    Parameters
    ----------
    x, y : int array
        Indices of the neurons, sorted.
    """

    x: Int64[np.ndarray, " a"]
    y: Int64[np.ndarray, " b"]

    @classmethod
    def of(cls, x: Iterable[int], y: Iterable[int]) -> "Match":
        """Match of any indices; sorts and removes repetitions.

        >>> Match.of([3, 1], [2]).x
        array([1, 3])
        """
        sides = (np.unique(np.fromiter(side, dtype=np.int64)) for side in (x, y))
        return cls(x=next(sides), y=next(sides))

    @property
    def size(self) -> int:
        """Number of neurons on both sides."""
        return len(self.x) + len(self.y)

    def __len__(self) -> int:
        return self.size

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Match):
            return NotImplemented
        return np.array_equal(self.x, other.x) and np.array_equal(self.y, other.y)

    def __hash__(self) -> int:
        return hash((self.x.tobytes(), self.y.tobytes()))

    def __le__(self, other: "Match") -> bool:
        """Whether every neuron of this match is in the other."""
        return bool(np.isin(self.x, other.x).all() and np.isin(self.y, other.y).all())

    def __or__(self, other: "Match") -> "Match":
        """Union, which is again a match at the same ε: spans only grow."""
        return Match(x=np.union1d(self.x, other.x), y=np.union1d(self.y, other.y))


def check_epsilon(eps: float) -> float:
    """Return ε when 0 ≤ ε < 1; InputError otherwise.

    At ε = 1 every neuron is matched by the origin, so the definition excludes it.
    """
    if not 0.0 <= eps < 1.0:
        raise InputError(
            f"Expected 0 <= epsilon < 1. Got {eps}. Epsilon is the distance of a neuron to the "
            "span of the other layer over the neuron's own length."
        )
    return float(eps)
