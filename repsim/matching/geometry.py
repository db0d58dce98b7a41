"""The live neurons of a pair as unit vectors, and how far they are known.

Scaling does not change a match, and makes every tolerance relative to a neuron's length. Two
geometries answer the same questions: from inner products (`gram_geometry`), and from coordinates
(`factor_geometry`), which cost more and keep twice the digits.
"""

import abc
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from repsim.matching.match import Match
from repsim.matching.span import Span

__all__ = ["Geometry", "live_neurons", "precision_of_sums"]

# Relative to the longest neuron of its layer, a neuron shorter than this is the rounding of a
# float64 sum (a few units in the last place) and not a direction.
DEAD_TOLERANCE = 2.0**-50


@dataclass(frozen=True, kw_only=True, eq=False)
class Geometry(abc.ABC):
    """What the matching algorithms ask about a pair of layers.

    Neurons are numbered over the live ones, X before Y.

    Parameters
    ----------
    live_x, live_y : int array (a,), (b,)
        The neurons that are not dead, by their index in the layer.
    rank_tolerance : float
        A neuron nearer than this to the span of others of its layer is taken to be in it.
    precision : float
        Bound on the error of an inner product or column, to first order, with high probability.
    digits_lost : array (n,)
        Factor on that error for each neuron: its length as it was summed over its length here.
    """

    live_x: Int64[np.ndarray, " a"]
    live_y: Int64[np.ndarray, " b"]
    rank_tolerance: float
    precision: float
    digits_lost: Float64[np.ndarray, " n"]

    @property
    def split(self) -> int:
        """Number of live neurons of X: where those of Y begin."""
        return len(self.live_x)

    @property
    def size(self) -> int:
        """Number of live neurons of both layers."""
        return len(self.live_x) + len(self.live_y)

    @abc.abstractmethod
    def span(
        self, base: Int64[np.ndarray, " b"], targets: Int64[np.ndarray, " t"], *, room: int
    ) -> Span:
        """Span of some neurons, with the squared distances of others to it."""

    def room(self, alive: int) -> int:
        """Number of removals after which a fresh factorisation pays, for this many neurons.

        A removal costs O(room · n), a factorisation O(n³). Between a sixth and a quarter of the
        neurons was best for 64 to 1024 neurons, from inner products and from coordinates.
        """
        return max(16, alive // 5)

    def stand_in_error(
        self, weight: Float64[np.ndarray, "k t"], redundant: int
    ) -> Float64[np.ndarray, " t"]:
        """Error in distances because redundant neurons stand in for those of the basis.

        A stand-in is off by up to the rank tolerance; `weight` are the sizes of coefficients.
        """
        return np.asarray(self.rank_tolerance * (redundant > 0) * weight.sum(axis=0))

    def match_of(self, neurons: Int64[np.ndarray, " k"]) -> Match:
        """Neurons by their index in the layers, from their numbers here."""
        inside_x = neurons < self.split
        return Match(
            x=np.sort(self.live_x[neurons[inside_x]]),
            y=np.sort(self.live_y[neurons[~inside_x] - self.split]),
        )

    def numbers_of(self, match: Match) -> Int64[np.ndarray, " k"]:
        """Numbers here of neurons that are given by their index in the layers.

        Dead neurons, and those outside the layers, have none and are left out.
        """
        numbers_x = np.flatnonzero(np.isin(self.live_x, match.x))
        numbers_y = np.flatnonzero(np.isin(self.live_y, match.y))
        return np.concatenate((numbers_x, numbers_y + self.split)).astype(np.int64)

    @abc.abstractmethod
    def condition_of(self, neurons: Int64[np.ndarray, " k"]) -> float:
        """Condition number of some unit neurons, as columns.

        It saturates at one over the rank tolerance: beyond that it cannot be known.
        """

    def condition(self) -> float:
        """Condition number of a layer's unit neurons, the larger of both."""
        numbers = np.arange(self.size)
        return max(
            self.condition_of(numbers[: self.split]), self.condition_of(numbers[self.split :])
        )


def live_neurons(norm: Float64[np.ndarray, " p"]) -> Int64[np.ndarray, " a"]:
    """Neurons longer than rounding, relative to the longest of their layer."""
    return np.flatnonzero(norm > DEAD_TOLERANCE * norm.max()).astype(np.int64)


def precision_of_sums(count: int, size: int) -> float:
    """Error of sums over `count` samples and of a factorisation of order `size`, relative.

    A sum of d products is off by the order of sqrt(d) units with high probability (Higham and
    Mary 2019, https://doi.org/10.1137/18M1226312), a factorisation of order n by at most n.
    """
    return float(np.finfo(np.float64).eps * (4 * np.sqrt(count) + size))
