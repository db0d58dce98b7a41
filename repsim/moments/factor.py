"""The triangular factor of a pair of layers: the second moment with twice the digits."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64
from scipy.linalg import lapack

from repsim.errors import InputError
from repsim.moments.samples import ArrayLike, blocks, check_finite, paired
from repsim.named_arrays import NamedArrays
from repsim.origin import Origin

__all__ = ["Factor"]

# Columns that LAPACK's tpqrt transforms at a time; 16 to 64 are equally fast here.
PANEL = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class Factor(NamedArrays):
    r"""Upper triangular R of X (d × p) and Y (d × q) over the same d samples.

    .. math:: R^\top R = [1\,X\,Y]^\top [1\,X\,Y]

    Its columns have the same inner products as those of [1 X Y], so every distance between spans
    can be computed from it. Forming the second moment squares the condition number; orthogonal
    transformations do not. Factors merge: stack two, factorise again (a blockwise TSQR: Demmel,
    Grigori, Hoemmen and Langou 2012, https://doi.org/10.1137/080731992).

    The column of ones comes first, so R without its first row and column is the factor of the
    centred layers, with nothing subtracted. X and Y are about an origin, as in `Moments`: what was
    taken off comes back as a multiple of the column of ones.

    Parameters
    ----------
    count : int
        Number of samples d.
    origin_x, origin_y : Origin
        What was taken off the neurons of X and of Y, and their units.
    r : array (1 + p + q, 1 + p + q)
        The factor; signs of its rows are arbitrary.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.eye(4)[:, :2], np.eye(4)[:, 1:]
    >>> factor = Factor.from_arrays(x[:1], y[:1]) + Factor.from_arrays(x[1:], y[1:])
    >>> np.round(np.linalg.norm(factor.neurons(centred=False), axis=0), 12)
    array([1., 1., 1., 1., 1.])
    """

    count: int
    origin_x: Origin
    origin_y: Origin
    r: Float64[np.ndarray, "n n"]

    def __post_init__(self) -> None:
        width = 1 + self.p + self.q
        if self.r.shape != (width, width):
            raise InputError(f"Expected r of shape {(width, width)}. Got {self.r.shape}.")

    @property
    def p(self) -> int:
        """Number of neurons of X."""
        return len(self.origin_x.shift)

    @property
    def q(self) -> int:
        """Number of neurons of Y."""
        return len(self.origin_y.shift)

    @property
    def origins(self) -> tuple[Origin, Origin]:
        """Those of X and of Y."""
        return self.origin_x, self.origin_y

    @classmethod
    def zeros(cls, p: int, q: int) -> "Factor":
        """Factor of no samples: the start of a stream and the unit of addition."""
        r = np.zeros((1 + p + q, 1 + p + q))
        return cls(count=0, origin_x=Origin.zero(p), origin_y=Origin.zero(q), r=r)

    @classmethod
    def from_arrays(cls, x: ArrayLike, y: ArrayLike, *, block_size: int | None = None) -> "Factor":
        """Factor of X (d × p) and Y (d × q), block by block in float64.

        Takes and refuses what `Moments.from_arrays` does; costs three to four times as much.
        """
        first, second = paired(x, y)
        p, q = first.shape[1], second.shape[1]
        width = 1 + p + q
        origins = Origin.of(first), Origin.of(second)
        r = np.zeros((width, width), order="F")
        rows = block_size if block_size is not None else max(2048, 2 * width)
        for x_block, y_block, row in blocks(first, second, rows):
            stacked = np.empty((len(x_block), width), order="F")
            stacked[:, 0] = 1.0
            for name, block, origin, part in (
                ("X", x_block, origins[0], stacked[:, 1 : 1 + p]),
                ("Y", y_block, origins[1], stacked[:, 1 + p :]),
            ):
                origin.applied_to(block, part)
                with np.errstate(over="ignore", invalid="ignore"):
                    finite = np.isfinite(np.einsum("ij,ij->", part, part))
                if not finite:
                    check_finite(block, name, row)
            r = _absorbed(r, stacked, triangular=False)
        return cls(count=len(first), origin_x=origins[0], origin_y=origins[1], r=np.triu(r))

    def update(self, x_block: ArrayLike, y_block: ArrayLike) -> "Factor":
        """Factor with one more block of samples."""
        return self + type(self).from_arrays(x_block, y_block)

    def __add__(self, other: "Factor") -> "Factor":
        if (self.p, self.q) != (other.p, other.q):
            raise InputError(
                f"Expected factors of equal widths. Got {self.p} + {self.q} neurons and "
                f"{other.p} + {other.q}: they belong to different layers."
            )
        if self.count == 0 or other.count == 0:
            return other if self.count == 0 else self
        r = np.array(other._about(self.origins), order="F")
        merged = _absorbed(np.array(self.r, order="F"), r, triangular=True)
        of_x, of_y = (
            replace(mine, coarse=max(mine.coarse, its.coarse))
            for mine, its in zip(self.origins, other.origins, strict=True)
        )
        count = self.count + other.count
        return replace(self, count=count, origin_x=of_x, origin_y=of_y, r=np.triu(merged))

    def _about(self, origins: tuple[Origin, Origin]) -> Float64[np.ndarray, "n n"]:
        """The factor of the same samples about other origins."""
        both = list(zip(self.origins, origins, strict=True))
        if all(old.is_that_of(new) for old, new in both):
            return self.r
        r = self.r.copy()
        widths = (self.p, self.q)
        r[:, 1:] *= np.repeat([old.scale / new.scale for old, new in both], widths)
        back = np.concatenate([(old.shift - new.shift) / new.scale for old, new in both])
        r[:, 1:] += np.outer(self.r[:, 0], back)
        return r

    def neurons(self, *, centred: bool) -> Float64[np.ndarray, "n m"]:
        """Vectors with the inner products of the neurons, as columns, X before Y.

        Those of the raw neurons, or of the neurons about their means; in the unit of each layer.
        """
        if centred:
            return self.r[1:, 1:]
        x, y = self.origins
        return self._about((x.at_zero(), y.at_zero()))[:, 1:]


def _absorbed(
    r: Float64[np.ndarray, "n n"], rows: Float64[np.ndarray, "b n"], *, triangular: bool
) -> Float64[np.ndarray, "n n"]:
    """Triangular factor of r over `rows`, overwriting both."""
    width = len(r)
    factor, _, _, _ = lapack.dtpqrt(
        width if triangular else 0, min(PANEL, width), r, rows, overwrite_a=1, overwrite_b=1
    )
    return np.asarray(factor)
