"""Geometry from a triangular factor: for ill-conditioned layers and distances below 1e-6."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from scipy import linalg
from scipy.linalg import lapack

from repsim.errors import InputError
from repsim.matching.geometry import Geometry, live_neurons, precision_of_sums
from repsim.matching.span import Span
from repsim.moments.factor import Factor

__all__ = ["FactorGeometry"]

# A neuron's direction orthogonal to the others is known to precision over distance. Redundant
# ones come out near the precision; eight times that leaves them no direction to invent.
RANK_MARGIN = 8.0


@dataclass(frozen=True, kw_only=True, eq=False)
class FactorGeometry(Geometry):
    """Coordinates of the unit neurons.

    Parameters
    ----------
    coordinates : array (m, n)
        Unit columns, X before Y.
    """

    coordinates: Float64[np.ndarray, "m n"]

    @classmethod
    def from_factor(cls, factor: Factor, *, centred: bool) -> "FactorGeometry":
        """Geometry of a pair, or of a pair about its means, from its factor."""
        if factor.count == 0:
            raise InputError("Expected at least one sample. Got a factor of no samples.")
        vectors = factor.neurons(centred=centred)
        summed = np.linalg.norm(factor.r[:, 1:], axis=0)
        norm = np.linalg.norm(vectors, axis=0)
        precision = precision_of_sums(factor.count, factor.p + factor.q)
        # What is left of a constant neuron about its mean is the rounding of its length.
        norm[norm <= precision * summed] = 0.0
        live_x, live_y = live_neurons(norm[: factor.p]), live_neurons(norm[factor.p :])
        live = np.concatenate((live_x, factor.p + live_y))
        return cls(
            live_x=live_x,
            live_y=live_y,
            coordinates=np.asfortranarray(vectors[:, live] / norm[live]),
            precision=precision,
            digits_lost=np.maximum(summed[live] / norm[live], 1.0),
            rank_tolerance=RANK_MARGIN * precision,
        )

    def span(
        self, base: Int64[np.ndarray, " b"], targets: Int64[np.ndarray, " t"], *, room: int
    ) -> Span:
        """Span by QR, with column pivoting when some neuron may be redundant.

        The doubt in a distance is η (1 + ‖c‖₁): each neuron is off by at most η.
        """
        triangle, reflectors, scales, order = _orthogonalised(
            self.coordinates[:, base], self.rank_tolerance
        )
        away = np.abs(triangle.diagonal()) <= self.rank_tolerance
        rank = int(np.argmax(away)) if away.any() else len(away)
        basis, redundant = order[:rank], order[rank:]
        outside = np.concatenate((targets, base[redundant]))
        turned = _turned(reflectors, scales, self.coordinates[:, outside])
        inverse = _inverted(triangle[:rank, :rank])
        coefficients = np.ascontiguousarray(inverse @ turned[:rank])
        weight = np.abs(coefficients[:, : len(targets)])
        error = self.digits_lost[targets] + self.digits_lost[base[basis]] @ weight
        slot = np.full(len(base), -1, dtype=np.int64)
        slot[basis] = np.arange(rank)
        return Span(
            inverse=inverse @ inverse.T,
            coefficients=coefficients,
            residual2=np.einsum("ij,ij->j", turned[rank:], turned[rank:]),
            slot=slot,
            redundant=redundant,
            rank_tolerance=self.rank_tolerance,
            room=room,
            square_error=np.zeros(len(targets)),
            length_error=self.precision * error + self.stand_in_error(weight, len(redundant)),
        )

    def condition_of(self, neurons: Int64[np.ndarray, " k"]) -> float:
        """Condition number of some unit neurons, at most one over the rank tolerance."""
        if not len(neurons):
            return 1.0
        values = linalg.svdvals(self.coordinates[:, neurons])
        # With more neurons than dimensions, the missing singular values are zero.
        smallest = values[-1] if len(values) == len(neurons) else 0.0
        return float(values[0] / max(smallest, self.rank_tolerance))


def _orthogonalised(
    vectors: Float64[np.ndarray, "m b"], tolerance: float
) -> tuple[
    Float64[np.ndarray, "k b"],
    Float64[np.ndarray, "m b"],
    Float64[np.ndarray, " k"],
    Int64[np.ndarray, " b"],
]:
    """R, Householder reflectors and their scales, and the order of the columns.

    Columns keep their order unless one may be dependent: pivoting is several times slower.
    """
    rows, columns = vectors.shape
    order = np.arange(columns)
    if not columns:
        return np.empty((0, 0)), vectors, np.empty(0), order
    packed, scales, _, _ = lapack.dgeqrf(vectors, lwork=64 * columns)
    # The diagonal is each column's distance to the span of those before it.
    if columns > rows or np.abs(packed.diagonal()).min() < np.sqrt(tolerance):
        packed, pivots, scales, _, _ = lapack.dgeqp3(vectors, lwork=64 * columns)
        order = pivots.astype(np.int64) - 1
    return np.triu(packed[: min(rows, columns)]), packed, scales, order


def _turned(
    reflectors: Float64[np.ndarray, "m b"],
    scales: Float64[np.ndarray, " k"],
    vectors: Float64[np.ndarray, "m n"],
) -> Float64[np.ndarray, "m n"]:
    """Coordinates of vectors with respect to the full orthogonal basis that QR found."""
    if not (vectors.size and len(scales)):
        return vectors
    panels = np.asfortranarray(reflectors[:, : len(scales)])
    lwork = 64 * vectors.shape[1]
    turned, _, _ = lapack.dormqr("L", "T", panels, scales, np.asfortranarray(vectors), lwork)
    return np.asarray(turned)


def _inverted(triangle: Float64[np.ndarray, "k k"]) -> Float64[np.ndarray, "k k"]:
    if not len(triangle):
        return triangle
    return np.asarray(lapack.dtrtri(np.asfortranarray(triangle))[0])
