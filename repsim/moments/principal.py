"""Decompositions of the second moment that several measures need, computed once for a pair.

They are kept as long as the moments they belong to. Moments that share an array, as those of a pair
and of its nulls do, share the decompositions of that layer.
"""

import weakref
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int64
from scipy.linalg import solve_triangular

from repsim.moments.factorisations import (
    cosine_vectors,
    eigenvectors,
    singular_values,
    triangular_factor,
)
from repsim.moments.norms import Norms
from repsim.moments.second import Moments

__all__ = ["RANK_TOLERANCE", "PrincipalLayer", "PrincipalPair", "principal"]

# Of squared lengths: a neuron is in the span of others, and a direction is not there, when what is
# left of a squared unit length is below this, 1e-6 of a length. Measured on dependent neurons (up
# to 1024 of them, 2000 to 400 000 samples), rounding leaves 1e-15 to 3e-14, and that many times
# more as the squared length of a neuron is more than its part about the mean: the tolerance
# follows, up to MOST times, so that one neuron with a huge mean does not decide over all.
RANK_TOLERANCE = 1e-12
MOST = 100.0

# As for the match: relative to the longest neuron of its layer, one that is shorter is rounding.
DEAD_TOLERANCE = 2.0**-50


@dataclass(frozen=True, kw_only=True, eq=False)
class Origin:
    """A layer's part of some moments; a reference to its array, which would otherwise live on."""

    raw: weakref.ref[np.ndarray]
    sums: Float64[np.ndarray, " p"]
    count: int

    def is_of(self, raw: np.ndarray, sums: np.ndarray, count: int) -> bool:
        """Whether these are the same."""
        same = self.raw() is raw and self.count == count
        return same and bool(np.array_equal(self.sums, sums))


@dataclass(frozen=True, kw_only=True, eq=False)
class PrincipalLayer:
    """One layer of a pair.

    Parameters
    ----------
    square : array (p, p)
        Its second moment, about the means or not.
    tolerance : float
        Squared unit lengths below this are rounding.
    origin : Origin, optional
        What the second moment was derived from, by which the layer is found again.
    """

    square: Float64[np.ndarray, "p p"]
    tolerance: float = RANK_TOLERANCE
    origin: Origin | None = None

    @cached_property
    def norms(self) -> Float64[np.ndarray, " p"]:
        """Length of each neuron."""
        return np.asarray(np.sqrt(self.square.diagonal()))

    @cached_property
    def live(self) -> Int64[np.ndarray, " a"]:
        """The neurons that are not dead."""
        return np.flatnonzero(self.norms > DEAD_TOLERANCE * self.norms.max()).astype(np.int64)

    @cached_property
    def trace(self) -> float:
        """Squared Frobenius norm of the layer."""
        return float(self.square.trace())

    @cached_property
    def square_norm(self) -> float:
        """Frobenius norm of the second moment."""
        return float(np.linalg.norm(self.square))

    @cached_property
    def _triangle(self) -> tuple[Float64[np.ndarray, "r a"], Int64[np.ndarray, " a"]]:
        """Triangular factor of the live neurons and their order in it.

        Found for unit lengths: unlike eigenvectors it does not mix neurons of different lengths,
        and it takes a fifth of their time.
        """
        norms = self.norms[self.live]
        unit = self.square[np.ix_(self.live, self.live)]
        unit /= norms
        unit /= norms[:, None]
        factor, order = triangular_factor(unit, self.tolerance)
        return factor * norms[order], self.live[order]

    @property
    def coordinates(self) -> Float64[np.ndarray, "r a"]:
        """The live neurons, as columns in some order, in an orthonormal basis of the layer."""
        return self._triangle[0]

    @property
    def rank(self) -> int:
        """Number of neurons that are independent within the tolerance."""
        return len(self.coordinates)

    def whitened(self, products: Float64[np.ndarray, "p m"]) -> Float64[np.ndarray, "r m"]:
        """Inner products with that basis, from those with the neurons."""
        factor, order = self._triangle
        basis, triangle = order[: self.rank], factor[:, : self.rank]
        return solve_triangular(triangle, products[basis], trans=1, check_finite=False)

    @cached_property
    def _eigen(self) -> tuple[Float64[np.ndarray, " p"], Float64[np.ndarray, "p p"]]:
        values, vectors = eigenvectors(self.square)
        return np.maximum(values, 0.0), vectors

    @property
    def variances(self) -> Float64[np.ndarray, " p"]:
        """Squared singular values of the layer, largest first."""
        return self._eigen[0]

    @property
    def axes(self) -> Float64[np.ndarray, "p p"]:
        """Right singular vectors of the layer, as columns in the order of the `variances`."""
        return self._eigen[1]

    @cached_property
    def directions(self) -> int:
        """Number of principal directions with more variance than the tolerance, of the first's."""
        return int(np.sum(self.variances > self.tolerance * self.variances[0]))


@dataclass(frozen=True, kw_only=True, eq=False)
class PrincipalPair:
    """A pair of layers over the same samples, with what measures derive from its second moment.

    Parameters
    ----------
    x, y : PrincipalLayer
        The layers.
    xy : array (p, q)
        The cross moment.
    norms : Norms
        Sums with the squared norms of the samples.
    count : int
        Number of samples.
    centred : bool
        Whether the moments are about the means.
    scale_x, scale_y : float
        The units of the layers: 1 but for numbers whose powers are not in float64.
    """

    x: PrincipalLayer
    y: PrincipalLayer
    xy: Float64[np.ndarray, "p q"]
    norms: Norms
    count: int
    centred: bool
    scale_x: float
    scale_y: float

    @property
    def constant(self) -> bool:
        """Whether one of the layers has no live neuron."""
        return not (len(self.x.live) and len(self.y.live))

    @cached_property
    def basis_of_x(self) -> Float64[np.ndarray, "r q"]:
        """Inner products of an orthonormal basis of X with the neurons of Y."""
        return self.x.whitened(self.xy)

    @cached_property
    def basis_of_y(self) -> Float64[np.ndarray, "s p"]:
        """Inner products of an orthonormal basis of Y with the neurons of X."""
        return self.y.whitened(self.xy.T)

    @cached_property
    def _canonical(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return cosine_vectors(self.y.whitened(self.basis_of_x.T).T)

    @property
    def correlations(self) -> Float64[np.ndarray, " m"]:
        """Canonical correlations, largest first: as many as the smaller rank."""
        return self._canonical[1]

    @cached_property
    def projections_x(self) -> Float64[np.ndarray, "m a"]:
        """Inner products of the canonical variates of X, of unit length, with its live neurons."""
        return np.asarray(self._canonical[0].T @ self.x.coordinates)

    @cached_property
    def projections_y(self) -> Float64[np.ndarray, "m b"]:
        """Inner products of the canonical variates of Y, of unit length, with its live neurons."""
        return np.asarray(self._canonical[2].T @ self.y.coordinates)

    @cached_property
    def nuclear_norm(self) -> float:
        """Sum of the singular values of XᵀY."""
        return float(np.sum(singular_values(self.xy)))

    @cached_property
    def _between_directions(self) -> Float64[np.ndarray, "k l"]:
        x, y = self.x, self.y
        scale_x, scale_y = (np.sqrt(side.variances[: side.directions]) for side in (x, y))
        product = x.axes[:, : x.directions].T @ self.xy @ y.axes[:, : y.directions]
        return np.asarray(product / np.outer(scale_x, scale_y))

    def between_directions(self, of_x: int, of_y: int) -> Float64[np.ndarray, "k l"]:
        """Inner products of unit vectors along the first principal directions of X and Y."""
        return self._between_directions[:of_x, :of_y]


def principal(moments: Moments, *, centred: bool) -> PrincipalPair:
    """Decompositions of a pair: the same object for the same moments, as long as they live.

    Examples
    --------
    >>> moments = Moments.from_arrays(np.eye(5)[:, :2], np.eye(5)[:, 1:3])
    >>> pair = principal(moments, centred=False)
    >>> pair.x.rank, pair.nuclear_norm, principal(moments, centred=False) is pair
    (2, 1.0, True)
    """
    pairs = _PAIRS.setdefault(moments, {})
    if centred not in pairs:
        source = moments.centred() if centred else moments.raw()
        pairs[centred] = PrincipalPair(
            x=_layer(moments.xx, moments.sum_x, moments.count, source.xx, centred=centred),
            y=_layer(moments.yy, moments.sum_y, moments.count, source.yy, centred=centred),
            xy=source.xy,
            norms=source.norms,
            count=moments.count,
            centred=centred,
            scale_x=moments.origin_x.scale,
            scale_y=moments.origin_y.scale,
        )
    return pairs[centred]


# The decompositions of a pair live as long as its moments, those of a layer as long as a pair that
# has them. Nothing in them refers to the moments, which would keep both for ever.
_PAIRS: weakref.WeakKeyDictionary[Moments, dict[bool, PrincipalPair]]
_PAIRS = weakref.WeakKeyDictionary()
_LAYERS: weakref.WeakValueDictionary[tuple[int, bool], PrincipalLayer]
_LAYERS = weakref.WeakValueDictionary()


def _layer(
    raw: np.ndarray, sums: np.ndarray, count: int, square: np.ndarray, *, centred: bool
) -> PrincipalLayer:
    """The layer with this second moment, the one that is there when it is of the same array."""
    layer = _LAYERS.get((id(raw), centred))
    if layer is None or layer.origin is None or not layer.origin.is_of(raw, sums, count):
        origin = Origin(raw=weakref.ref(raw), sums=sums, count=count)
        live = square.diagonal() > 0
        lost = np.max(raw.diagonal()[live] / square.diagonal()[live], initial=1.0)
        layer = PrincipalLayer(
            square=square, tolerance=RANK_TOLERANCE * min(float(lost), MOST), origin=origin
        )
        _LAYERS[id(raw), centred] = layer
    return layer
