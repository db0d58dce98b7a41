"""The second moment of a pair of layers: all that most measures need of the activations."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from repsim.errors import InputError
from repsim.moments.samples import ArrayLike, blocks, check_finite, paired

__all__ = ["Moments"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Moments:
    r"""Count, sums and second moments of X (d × p) and Y (d × q) over the same d samples.

    .. math:: S = [X\,Y]^\top [X\,Y]

    Moments add: blocks, shards and machines combine in any order (up to rounding). The maximum
    match at every ε, CCA, SVCCA, linear CKA, Procrustes and regression are functions of them, so
    nothing after this step depends on d.

    Parameters
    ----------
    count : int
        Number of samples d.
    sum_x, sum_y : array (p,), (q,)
        Column sums.
    xx, xy, yy : array (p, p), (p, q), (q, q)
        Uncentred second moments XᵀX, XᵀY, YᵀY, not divided by d.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.eye(4)[:, :2], np.eye(4)[:, 1:]
    >>> whole = Moments.from_arrays(x, y)
    >>> parts = Moments.from_arrays(x[:1], y[:1]) + Moments.from_arrays(x[1:], y[1:])
    >>> whole.p, whole.q, whole.count, bool(np.array_equal(whole.xy, parts.xy))
    (2, 3, 4, True)
    """

    count: int
    sum_x: Float64[np.ndarray, " p"]
    sum_y: Float64[np.ndarray, " q"]
    xx: Float64[np.ndarray, "p p"]
    xy: Float64[np.ndarray, "p q"]
    yy: Float64[np.ndarray, "q q"]

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
            sum_x=np.zeros(p),
            sum_y=np.zeros(q),
            xx=np.zeros((p, p)),
            xy=np.zeros((p, q)),
            yy=np.zeros((q, q)),
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
        total = cls.zeros(first.shape[1], second.shape[1])
        for x_block, y_block, row in blocks(first, second, block_size):
            total._accumulate(x_block, y_block, row)
        return cls(
            count=len(first),
            sum_x=total.sum_x,
            sum_y=total.sum_y,
            xx=total.xx,
            xy=total.xy,
            yy=total.yy,
        )

    def _accumulate(
        self, x: Float64[np.ndarray, "b p"], y: Float64[np.ndarray, "b q"], row: int
    ) -> None:
        """Add a block in place; only for moments that nobody else has seen."""
        # Overflow and NaN are found by their traces in the sums, and reported by name.
        with np.errstate(over="ignore", invalid="ignore"):
            self.sum_x[...] += x.sum(axis=0)
            self.sum_y[...] += y.sum(axis=0)
            # numpy hands A.T @ A to BLAS syrk, which does half the work of a general product.
            self.xx[...] += x.T @ x
            self.xy[...] += x.T @ y
            self.yy[...] += y.T @ y
        for name, block, total, square in (
            ("X", x, self.sum_x, self.xx),
            ("Y", y, self.sum_y, self.yy),
        ):
            if not (np.isfinite(total).all() and np.isfinite(square.diagonal()).all()):
                check_finite(block, name, row)

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
        return type(self)(
            count=self.count + other.count,
            sum_x=self.sum_x + other.sum_x,
            sum_y=self.sum_y + other.sum_y,
            xx=self.xx + other.xx,
            xy=self.xy + other.xy,
            yy=self.yy + other.yy,
        )

    def centred(self) -> "Moments":
        r"""Moments of the same samples about their means.

        .. math:: S - \tfrac1d\, s s^\top

        The subtraction cancels digits when a neuron's mean is much larger than its deviation. A
        neuron whose deviation is within the rounding of its mean is constant: its moments become
        exactly zero, so that it counts as dead rather than as noise.
        """
        if self.count == 0:
            return self
        sums = {"x": self.sum_x, "y": self.sum_y}
        raw = {"x": self.xx.diagonal(), "y": self.yy.diagonal()}
        # Rounding of a sum of d products is of the order sqrt(d) units (Higham and Mary 2019,
        # https://doi.org/10.1137/18M1226312); 8 is the margin for both terms of the difference.
        rounding = 8 * np.finfo(np.float64).eps * (1 + np.sqrt(self.count))
        varies = {
            side: raw[side] - sums[side] ** 2 / self.count > rounding * raw[side] for side in sums
        }

        def about_means(
            square: Float64[np.ndarray, "a b"], left: str, right: str
        ) -> Float64[np.ndarray, "a b"]:
            centred = square - np.outer(sums[left], sums[right] / self.count)
            centred[~varies[left]] = 0.0
            centred[:, ~varies[right]] = 0.0
            return centred

        return type(self)(
            count=self.count,
            sum_x=np.zeros(self.p),
            sum_y=np.zeros(self.q),
            xx=about_means(self.xx, "x", "x"),
            xy=about_means(self.xy, "x", "y"),
            yy=about_means(self.yy, "y", "y"),
        )

    def swapped(self) -> "Moments":
        """Moments with X and Y exchanged."""
        return type(self)(
            count=self.count,
            sum_x=self.sum_y,
            sum_y=self.sum_x,
            xx=self.yy,
            xy=self.xy.T,
            yy=self.xx,
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything as named arrays, for a store; `from_mapping` reads them back."""
        return {
            "count": np.array(self.count, dtype=np.int64),
            "sum_x": self.sum_x,
            "sum_y": self.sum_y,
            "xx": self.xx,
            "xy": self.xy,
            "yy": self.yy,
        }

    @classmethod
    def from_mapping(cls, arrays: Mapping[str, np.ndarray]) -> "Moments":
        """Moments from the named arrays that `arrays()` gave; other names are ignored.

        Raises InputError when one is missing or not finite.
        """
        names = ("count", "sum_x", "sum_y", "xx", "xy", "yy")
        missing = [name for name in names if name not in arrays]
        if missing:
            raise InputError(
                f"Expected the arrays {', '.join(names)}. Got no {', '.join(missing)}; "
                f"there are: {', '.join(arrays) or 'none'}."
            )
        values = {name: np.asarray(arrays[name], dtype=np.float64) for name in names[1:]}
        for name, value in values.items():
            if not np.isfinite(value).all():
                raise InputError(f"Expected finite moments. Got non-finite numbers in {name}.")
        return cls(count=int(arrays["count"]), **values)
