"""Geometry from second moments: fast, distances good to about 1e-7, less if ill-conditioned."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from scipy import linalg
from scipy.linalg import lapack

from repsim.errors import InputError
from repsim.matching.geometry import Geometry, live_neurons, precision_of_sums
from repsim.matching.span import Span
from repsim.moments import Moments

__all__ = ["GramGeometry"]


@dataclass(frozen=True, kw_only=True, eq=False)
class GramGeometry(Geometry):
    """Inner products of the unit neurons.

    Parameters
    ----------
    gram : array (n, n)
        Inner products, X before Y.
    """

    gram: Float64[np.ndarray, "n n"]

    @classmethod
    def from_moments(cls, moments: Moments, *, centred: bool) -> "GramGeometry":
        """Geometry of a pair, or of a pair about its means, from its moments."""
        if moments.count == 0:
            raise InputError("Expected at least one sample. Got moments of no samples.")
        # The error of a sum is relative to the size of its terms.
        summed = np.concatenate((_lengths(moments.xx), _lengths(moments.yy)))
        moments = moments.centred() if centred else moments.raw()
        norm_x, norm_y = _lengths(moments.xx), _lengths(moments.yy)
        live_x, live_y = live_neurons(norm_x), live_neurons(norm_y)
        a, n = len(live_x), len(live_x) + len(live_y)
        gram = np.empty((n, n))
        gram[:a, :a] = moments.xx[np.ix_(live_x, live_x)]
        gram[:a, a:] = moments.xy[np.ix_(live_x, live_y)]
        gram[a:, a:] = moments.yy[np.ix_(live_y, live_y)]
        gram[a:, :a] = gram[:a, a:].T
        norm = np.concatenate((norm_x[live_x], norm_y[live_y]))
        gram /= norm
        gram /= norm[:, None]
        np.fill_diagonal(gram, 1.0)
        precision = precision_of_sums(moments.count, n)
        return cls(
            live_x=live_x,
            live_y=live_y,
            gram=gram,
            precision=precision,
            digits_lost=np.maximum(summed[np.concatenate((live_x, moments.p + live_y))] / norm, 1),
            # Squared distances below the precision of the inner products are noise.
            rank_tolerance=float(np.sqrt(precision)),
        )

    def span(
        self, base: Int64[np.ndarray, " b"], targets: Int64[np.ndarray, " t"], *, room: int
    ) -> Span:
        """Span by pivoted Cholesky.

        The doubt in r² comes from r² = vᵀSv with v = (1, -c), minimal over c: an error of at most
        η in every entry of S moves it by at most η (1 + ‖c‖₁)², to first order.
        """
        square = self.gram[np.ix_(base, base)]
        triangle, order, rank = _pivoted_cholesky(square, self.rank_tolerance**2)
        basis, redundant = order[:rank], order[rank:]
        outside = np.concatenate((targets, base[redundant]))
        half = _solve(triangle, self.gram[np.ix_(base[basis], outside)])
        inverse = lapack.dpotri(triangle, lower=1)[0] if rank else triangle
        coefficients = np.ascontiguousarray(_solve(triangle, half, transposed=True))
        weight = np.abs(coefficients[:, : len(targets)])
        error = self.digits_lost[targets] + self.digits_lost[base[basis]] @ weight
        slot = np.full(len(base), -1, dtype=np.int64)
        slot[basis] = np.arange(rank)
        return Span(
            inverse=np.tril(inverse) + np.tril(inverse, -1).T,
            coefficients=coefficients,
            residual2=np.maximum(1.0 - np.einsum("ij,ij->j", half, half), 0.0),
            slot=slot,
            redundant=redundant,
            rank_tolerance=self.rank_tolerance,
            room=room,
            square_error=self.precision * error**2,
            length_error=self.stand_in_error(weight, len(redundant)),
        )

    def condition_of(self, neurons: Int64[np.ndarray, " k"]) -> float:
        """Condition number of some unit neurons, at most one over the rank tolerance."""
        if not len(neurons):
            return 1.0
        values = linalg.eigvalsh(self.gram[np.ix_(neurons, neurons)])
        return float(np.sqrt(values[-1] / max(values[0], self.rank_tolerance**2)))


def _lengths(square: Float64[np.ndarray, "p p"]) -> Float64[np.ndarray, " p"]:
    return np.asarray(np.sqrt(np.maximum(square.diagonal(), 0.0)))


def _pivoted_cholesky(
    square: Float64[np.ndarray, "b b"], tolerance: float
) -> tuple[Float64[np.ndarray, "k k"], Int64[np.ndarray, " b"], int]:
    """Lower factor of an independent part, the order of pivots, and the rank."""
    if not len(square):
        return square, np.empty(0, dtype=np.int64), 0
    factor, pivots, rank, _ = lapack.dpstrf(square, tol=tolerance, lower=1)
    return np.asfortranarray(factor[:rank, :rank]), pivots.astype(np.int64) - 1, int(rank)


def _solve(
    triangle: Float64[np.ndarray, "k k"],
    right: Float64[np.ndarray, "k n"],
    *,
    transposed: bool = False,
) -> Float64[np.ndarray, "k n"]:
    """Solve L z = right, or Lᵀ z = right; LAPACK refuses empty systems."""
    if right.size == 0:
        return right
    solution, _ = lapack.dtrtrs(triangle, right, lower=1, trans=int(transposed))
    return np.asarray(solution)
