"""Distances to the span of a set of vectors that loses one vector after another.

This is the inner loop of all matching. A set of unit vectors (the *base*) spans a subspace; for
other unit vectors (the *targets*) we hold the squared distance to it. Removing a vector from the
base costs one rank-one correction instead of a new factorisation.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, Int64

__all__ = ["Span", "SpanState"]

# A removal subtracts numbers of the size of the old inverse diagonal from each other. When the new
# one is this much smaller, distances come out with a relative error of about 1e-8 (measured with
# pairs of neurons that differ by 1e-4: 1e-9), and the caller should factorise anew.
CANCELLATION = 1e-8


@dataclass(frozen=True)
class SpanState:
    """What `Span.restore` goes back to; later removals only append to what else there is."""

    used: int
    residual2: Float64[np.ndarray, " n"]
    slot: Int64[np.ndarray, " base"]
    redundant: Int64[np.ndarray, " m"]


@dataclass(kw_only=True)
class Span:
    r"""A basis of the base, and everything outside it written in that basis.

    With B the Gram matrix of the basis, s the inner products of an outside vector with it:

    - coefficients :math:`c = B^{-1} s`, squared distance :math:`r^2 = 1 - s^\top c`;
    - removing basis vector j raises every squared distance by :math:`c_j^2 / (B^{-1})_{jj}`
      (the squared component along the part of j that is orthogonal to the rest);
    - if a *redundant* base vector (in the span, not in the basis) has such a component, it takes
      the place of j and the span stays as it is: rank deficiency and duplicates need no ridge.

    Corrections of inverse and coefficients are kept as factors and applied to single rows when
    they are needed: :math:`B^{-1} - \sum a h^\top + h a^\top` and :math:`C - \sum c_j a^\top`.

    Parameters
    ----------
    inverse : array (k, k)
        Inverse Gram matrix of the basis.
    coefficients : array (k, n)
        Column per outside vector: the targets first, then the redundant base vectors.
    residual2 : array (n,)
        Squared distance of each outside vector to the span.
    slot : array (base,)
        Position in the basis of each base vector, -1 for the redundant ones.
    redundant : array (n - targets,)
        Base index of each redundant outside vector, -1 once it left.
    rank_tolerance : float
        A base vector nearer than this to the span of the others is redundant.
    room : int
        Removals that can be held before the caller has to factorise anew.
    square_error, length_error : array (targets,)
        Bounds on the error of the targets' squared distances, and of their distances, when they
        were factorised; both apply.
    """

    inverse: Float64[np.ndarray, "k k"]
    coefficients: Float64[np.ndarray, "k n"]
    residual2: Float64[np.ndarray, " n"]
    slot: Int64[np.ndarray, " base"]
    redundant: Int64[np.ndarray, " m"]
    rank_tolerance: float
    room: int
    square_error: Float64[np.ndarray, " t"]
    length_error: Float64[np.ndarray, " t"]
    used: int = 0
    _a: Float64[np.ndarray, "room k"] = field(init=False)
    _h: Float64[np.ndarray, "room k"] = field(init=False)
    _c: Float64[np.ndarray, "room n"] = field(init=False)

    def __post_init__(self) -> None:
        k, n = self.coefficients.shape
        self._a, self._h = np.empty((self.room, k)), np.empty((self.room, k))
        self._c = np.empty((self.room, n))

    @property
    def rank(self) -> int:
        """Dimension of the span when it was factorised."""
        return len(self.inverse)

    @property
    def targets(self) -> int:
        """Number of targets."""
        return len(self.square_error)

    def distance2(self) -> Float64[np.ndarray, " t"]:
        """Squared distances of the targets to the span."""
        return self.residual2[: self.targets]

    def doubt2(self) -> Float64[np.ndarray, " t"]:
        """Bounds on the errors of the squared distances.

        To first order in the error of the input, with the coefficients of the last factorisation.
        """
        lengths = np.sqrt(self.distance2())
        return np.asarray(self.square_error + self.length_error * (2 * lengths + self.length_error))

    def state(self) -> SpanState:
        """State to come back to by `restore`."""
        return SpanState(self.used, self.residual2.copy(), self.slot.copy(), self.redundant.copy())

    def restore(self, state: SpanState) -> None:
        """Put back all vectors that were removed since."""
        self.used = state.used
        self.residual2 = state.residual2.copy()
        self.slot = state.slot.copy()
        self.redundant = state.redundant.copy()

    def remove(self, vector: int) -> bool:
        """Take a vector out of the base; False when it is time to factorise anew.

        After False the removal has not been made.
        """
        slot = int(self.slot[vector])
        if slot < 0:
            self.redundant[self.redundant == vector] = -1
            return True
        used = self.used
        if used == self.room:
            return False
        a, h, c = self._a[:used], self._h[:used], self._c[:used]
        row = self.inverse[slot] - a[:, slot] @ h - h[:, slot] @ a
        column = self.coefficients[slot] - a[:, slot] @ c
        diagonal = row[slot]
        if not diagonal > CANCELLATION * self.inverse[slot, slot]:
            return False
        stand_in = self._stand_in(column, float(diagonal))
        if stand_in is None:
            self.residual2 += column**2 / diagonal
            self._a[used] = row / diagonal
        else:
            outside = self.targets + stand_in
            pivot = column[outside]
            new = self.coefficients[:, outside] - c[:, outside] @ a
            new[slot] -= 1.0
            self._a[used] = new / pivot
            self.slot[self.redundant[stand_in]] = slot
            self.redundant[stand_in] = -1
        self._h[used] = row - self._a[used] * (diagonal / 2)
        self._c[used] = column
        self.slot[vector] = -1
        self.used += 1
        return True

    def _stand_in(self, column: Float64[np.ndarray, " n"], diagonal: float) -> int | None:
        """Redundant vector with the largest component along a leaving one, if not negligible."""
        if not len(self.redundant):
            return None
        component = np.where(self.redundant >= 0, np.abs(column[self.targets :]), 0.0)
        best = int(np.argmax(component))
        return best if component[best] ** 2 > self.rank_tolerance**2 * diagonal else None
