"""The second moment of a pair of layers: all that most measures need of the activations."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64

from repsim.errors import InputError
from repsim.moments.norms import Norms
from repsim.moments.samples import ArrayLike, blocks, check_sums, extended, paired
from repsim.named_arrays import NamedArrays
from repsim.origin import Origin

__all__ = ["Moments"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Moments(NamedArrays):
    r"""Count, sums and second moments of X (d × p) and Y (d × q) over the same d samples.

    .. math:: S = [X\,Y]^\top [X\,Y]

    Moments add: blocks, shards and machines combine in any order (up to rounding). The maximum
    match at every ε, CCA, SVCCA, linear CKA, Procrustes and regression are functions of them, so
    nothing after this step depends on d.

    Sums are taken about the origin of each layer: a mean far above the spread would otherwise take
    the digits of the spread. `raw` and `centred` give the moments about zero and about the means.

    Parameters
    ----------
    count : int
        Number of samples d.
    origin_x, origin_y : Origin
        What was taken off each sample, and the unit, before it was summed.
    sum_x, sum_y : array (p,), (q,)
        Column sums.
    xx, xy, yy : array (p, p), (p, q), (q, q)
        Second moments XᵀX, XᵀY, YᵀY, not divided by d.
    norms : Norms
        Sums with the squared norms of the samples, for the debiased CKA.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.eye(4)[:, :2], np.eye(4)[:, 1:]
    >>> whole = Moments.from_arrays(x, y)
    >>> parts = Moments.from_arrays(x[:1], y[:1]) + Moments.from_arrays(x[1:], y[1:])
    >>> whole.p, whole.q, whole.count, bool(np.allclose(whole.raw().xy, parts.raw().xy))
    (2, 3, 4, True)
    """

    count: int
    origin_x: Origin
    origin_y: Origin
    sum_x: Float64[np.ndarray, " p"]
    sum_y: Float64[np.ndarray, " q"]
    xx: Float64[np.ndarray, "p p"]
    xy: Float64[np.ndarray, "p q"]
    yy: Float64[np.ndarray, "q q"]
    norms: Norms

    def __post_init__(self) -> None:
        p, q = len(self.sum_x), len(self.sum_y)
        shapes = {"xx": (p, p), "xy": (p, q), "yy": (q, q)}
        for name, shape in shapes.items():
            got = getattr(self, name).shape
            if got != shape:
                raise InputError(f"Expected {name} of shape {shape}. Got {got}.")
        if self.count < 0:
            raise InputError(f"Expected a count of samples of at least 0. Got {self.count}.")

    @property
    def p(self) -> int:
        """Number of neurons of X."""
        return len(self.sum_x)

    @property
    def q(self) -> int:
        """Number of neurons of Y."""
        return len(self.sum_y)

    @classmethod
    def zeros(cls, p: int, q: int) -> "Moments":
        """Moments of no samples: the start of a stream and the unit of addition."""
        return cls(
            count=0,
            origin_x=Origin.zero(p),
            origin_y=Origin.zero(q),
            sum_x=np.zeros(p),
            sum_y=np.zeros(q),
            xx=np.zeros((p, p)),
            xy=np.zeros((p, q)),
            yy=np.zeros((q, q)),
            norms=Norms.zeros(p, q),
        )

    @classmethod
    def from_arrays(cls, x: ArrayLike, y: ArrayLike, *, block_size: int | None = None) -> "Moments":
        """Moments of X (d × p) and Y (d × q), block by block in float64.

        Parameters
        ----------
        x, y : array (d, p), (d, q)
            numpy or torch, float16, bfloat16, float32, float64 or integer; never copied whole.
        block_size : int, optional
            Samples per block; by default as many as make a block of 16 MB.

        Raises
        ------
        InputError
            When shapes disagree or a number is not finite (the first one is named).
        """
        first, second = paired(x, y)
        origin_x, origin_y = Origin.of(first), Origin.of(second)
        p, q = first.shape[1] + 2, second.shape[1] + 2
        xx, xy, yy = np.zeros((p, p)), np.zeros((p, q)), np.zeros((q, q))
        room_x, room_y = np.empty((0, p)), np.empty((0, q))
        for x_block, y_block, row in blocks(first, second, block_size):
            rows = len(x_block)
            if len(room_x) < rows:
                room_x, room_y = np.empty((rows, p)), np.empty((rows, q))
            of_x = extended(x_block, room_x[:rows], origin_x)
            of_y = extended(y_block, room_y[:rows], origin_y)
            with np.errstate(over="ignore", invalid="ignore"):
                # numpy hands A.T @ A to BLAS syrk, which does half the work of a general product.
                xx += of_x.T @ of_x
                xy += of_x.T @ of_y
                yy += of_y.T @ of_y
            check_sums(xx, x_block, "X", row)
            check_sums(yy, y_block, "Y", row)
        return cls.from_products(xx, xy, yy, origin_x=origin_x, origin_y=origin_y)

    @classmethod
    def from_products(
        cls,
        xx: Float64[np.ndarray, "m m"],
        xy: Float64[np.ndarray, "m n"],
        yy: Float64[np.ndarray, "n n"],
        *,
        origin_x: Origin,
        origin_y: Origin,
    ) -> "Moments":
        """Moments as views of the products of samples that `repsim.moments.samples.extended` made.

        Each is of (p + 2, q + 2): behind the neurons stand the squared norm and a one.
        """
        return cls(
            count=round(float(xy[-1, -1])),
            origin_x=origin_x,
            origin_y=origin_y,
            sum_x=xx[:-2, -1],
            sum_y=yy[:-2, -1],
            xx=xx[:-2, :-2],
            xy=xy[:-2, :-2],
            yy=yy[:-2, :-2],
            norms=Norms.from_products(xx, xy, yy),
        )

    def update(self, x_block: ArrayLike, y_block: ArrayLike) -> "Moments":
        """Moments with one more block of samples.

        >>> import numpy as np
        >>> Moments.zeros(1, 1).update(np.ones((3, 1)), np.ones((3, 1))).count
        3
        """
        return self + type(self).from_arrays(x_block, y_block)

    def __add__(self, other: "Moments") -> "Moments":
        if (self.p, self.q) != (other.p, other.q):
            raise InputError(
                f"Expected moments of equal widths. Got {self.p} + {self.q} neurons and "
                f"{other.p} + {other.q}: they belong to different layers."
            )
        if self.count == 0 or other.count == 0:
            return other if self.count == 0 else self
        coarse_x, coarse_y = other.origin_x.coarse, other.origin_y.coarse
        other = other.about(self.origin_x, self.origin_y)
        coarse_x = max(coarse_x, self.origin_x.coarse)
        coarse_y = max(coarse_y, self.origin_y.coarse)
        return replace(
            self,
            count=self.count + other.count,
            origin_x=replace(self.origin_x, coarse=coarse_x),
            origin_y=replace(self.origin_y, coarse=coarse_y),
            sum_x=self.sum_x + other.sum_x,
            sum_y=self.sum_y + other.sum_y,
            xx=self.xx + other.xx,
            xy=self.xy + other.xy,
            yy=self.yy + other.yy,
            norms=self.norms + other.norms,
        )

    def __sub__(self, other: "Moments") -> "Moments":
        """Moments of the samples that are not in `other`, which must be part of these.

        A neuron of which only rounding is left becomes exactly zero: it was active in `other` alone
        and is dead in the rest.
        """
        if (self.p, self.q) != (other.p, other.q) or other.count > self.count:
            raise InputError(
                f"Expected moments of part of {self.count} samples of {self.p} + {self.q} neurons. "
                f"Got {other.count} of {other.p} + {other.q}."
            )
        other = other.about(self.origin_x, self.origin_y)
        left_x, left_y = (
            mine - its > self._rounding * mine
            for mine, its in (
                (self.xx.diagonal(), other.xx.diagonal()),
                (self.yy.diagonal(), other.yy.diagonal()),
            )
        )
        return replace(
            self,
            count=self.count - other.count,
            sum_x=np.where(left_x, self.sum_x - other.sum_x, 0.0),
            sum_y=np.where(left_y, self.sum_y - other.sum_y, 0.0),
            xx=_cleared(self.xx - other.xx, left_x, left_x),
            xy=_cleared(self.xy - other.xy, left_x, left_y),
            yy=_cleared(self.yy - other.yy, left_y, left_y),
            norms=(self.norms - other.norms).cleared(left_x, left_y),
        )

    def about(self, origin_x: Origin, origin_y: Origin) -> "Moments":
        """The moments of the same samples about other origins; exact up to rounding."""
        moments = self
        by_x, by_y = (
            old.scale / new.scale
            for old, new in ((self.origin_x, origin_x), (self.origin_y, origin_y))
        )
        if (by_x, by_y) != (1.0, 1.0):
            moments = replace(
                self,
                sum_x=self.sum_x * by_x,
                sum_y=self.sum_y * by_y,
                xx=self.xx * by_x**2,
                xy=self.xy * (by_x * by_y),
                yy=self.yy * by_y**2,
                norms=self.norms.scaled(by_x, by_y),
            )
        if not (self.origin_x.is_that_of(origin_x) and self.origin_y.is_that_of(origin_y)):
            moments = moments._moved(
                (origin_x.shift - self.origin_x.shift) / origin_x.scale,
                (origin_y.shift - self.origin_y.shift) / origin_y.scale,
            )
        return replace(moments, origin_x=origin_x, origin_y=origin_y)

    def raw(self) -> "Moments":
        """The uncentred moments: about zero, in the units that they are in."""
        if not (self.origin_x.moved or self.origin_y.moved):
            return self
        return self.about(self.origin_x.at_zero(), self.origin_y.at_zero())

    def _moved(self, mu: Float64[np.ndarray, " p"], nu: Float64[np.ndarray, " q"]) -> "Moments":
        """Sums of X - μ and Y - ν; the caller sets the origins."""
        d, sum_x, sum_y = self.count, self.sum_x, self.sum_y
        squares = {"xx": self.xx, "xy": self.xy, "yy": self.yy}
        norms = self.norms.about(mu, nu, count=d, sum_x=sum_x, sum_y=sum_y, **squares)

        def moved(
            square: Float64[np.ndarray, "a b"],
            left: tuple[np.ndarray, np.ndarray],
            right: tuple[np.ndarray, np.ndarray],
        ) -> Float64[np.ndarray, "a b"]:
            (left_sums, alpha), (right_sums, beta) = left, right
            return (
                square
                - np.outer(left_sums, beta)
                - np.outer(alpha, right_sums)
                + np.outer(alpha, d * beta)
            )

        x, y = (sum_x, mu), (sum_y, nu)
        return replace(
            self,
            sum_x=sum_x - d * mu,
            sum_y=sum_y - d * nu,
            xx=moved(self.xx, x, x),
            xy=moved(self.xy, x, y),
            yy=moved(self.yy, y, y),
            norms=norms,
        )

    @property
    def _rounding(self) -> float:
        """Relative error of the difference of two sums over these samples.

        That of one sum of d products is of the order sqrt(d) units (Higham and Mary 2019,
        https://doi.org/10.1137/18M1226312); 8 is the margin for both terms.
        """
        return float(8 * np.finfo(np.float64).eps * (1 + np.sqrt(self.count)))

    def centred(self) -> "Moments":
        r"""Moments of the same samples about their means.

        .. math:: S - \tfrac1d\, s s^\top

        A neuron whose deviation is within the rounding of its distance from the origin is constant:
        its moments become exactly zero, so that it counts as dead rather than as noise.
        """
        if self.count == 0:
            return self
        d = self.count
        varies_x, varies_y = (
            about_origin - sums**2 / d > self._rounding * about_origin
            for about_origin, sums in (
                (self.xx.diagonal(), self.sum_x),
                (self.yy.diagonal(), self.sum_y),
            )
        )
        means = self.sum_x / d, self.sum_y / d
        moved = self._moved(*means)
        origins = (
            replace(origin, shift=origin.shift + origin.scale * mean)
            for origin, mean in zip((self.origin_x, self.origin_y), means, strict=True)
        )
        return type(self)(
            count=d,
            origin_x=next(origins),
            origin_y=next(origins),
            sum_x=np.zeros(self.p),
            sum_y=np.zeros(self.q),
            xx=_cleared(moved.xx, varies_x, varies_x),
            xy=_cleared(moved.xy, varies_x, varies_y),
            yy=_cleared(moved.yy, varies_y, varies_y),
            norms=moved.norms.cleared(varies_x, varies_y),
        )


def _cleared(
    square: Float64[np.ndarray, "a b"], left: Bool[np.ndarray, " a"], right: Bool[np.ndarray, " b"]
) -> Float64[np.ndarray, "a b"]:
    """A fresh square with zeros for the neurons that are not among those that are left."""
    square[~left] = 0.0
    square[:, ~right] = 0.0
    return square
