"""Inner products of the examples of one layer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from repsim.errors import InputError
from repsim.origin import Origin

__all__ = ["ExampleGram", "Offsets", "centre_rows"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Offsets:
    """What was subtracted from the features before they were multiplied: a shift, then row means.

    Parameters
    ----------
    row_means : array (n,)
        Mean over the features of each example, about the shift.
    along : array (n,)
        Inner product of each centred example with the shift.
    mean, square : float
        Of the shift over the features: its mean, and the sum of squares about that.
    width : int
        Number of features w.
    """

    row_means: Float64[np.ndarray, " n"]
    along: Float64[np.ndarray, " n"]
    mean: float
    square: float
    width: int

    @classmethod
    def of(
        cls,
        row_means: Float64[np.ndarray, " n"],
        along: Float64[np.ndarray, " n"],
        origin: Origin,
    ) -> "Offsets":
        """With a shift, in its unit."""
        shift = origin.shift / origin.scale
        mean = float(shift.mean())
        return cls(
            row_means=row_means,
            along=along,
            mean=mean,
            square=float(np.sum((shift - mean) ** 2)),
            width=len(shift),
        )

    def subset(self, chosen: np.ndarray) -> "Offsets":
        """Of these examples."""
        return replace(self, row_means=self.row_means[chosen], along=self.along[chosen])


@dataclass(frozen=True, kw_only=True, eq=False)
class ExampleGram:
    r"""Inner products of n examples, :math:`B B^\top`, and what gives back those of the features.

    .. math:: A = B + m 1^\top + 1 c^\top, \qquad B 1 = 0

    for features A (n × w), a shift c and the row means m about it. The inner products of features
    that are far from zero are large, and what measures need of them is differences: of examples
    (distances), or about the mean over features (correlations). Taken off first, nothing cancels:
    every question is a sum of B Bᵀ and of terms of the same sign. Takes 8 n² bytes: 8 MiB for 1024
    examples.

    Parameters
    ----------
    products : array (n, n)
        B Bᵀ, symmetric; or A Aᵀ where there are no offsets.
    offsets : Offsets, optional
        What was subtracted. Without it correlations over features are not known.
    coarse : int
        Neurons whose numbers hardly resolve their deviation (`Origin`).

    Examples
    --------
    >>> import numpy as np
    >>> np.round(ExampleGram.from_features(np.eye(3) + 1).subset([2, 0]).gram, 12)
    array([[6., 5.],
           [5., 6.]])
    """

    products: Float64[np.ndarray, "n n"]
    offsets: Offsets | None = None
    coarse: int = 0

    def __post_init__(self) -> None:
        n = len(self.products)
        if self.products.shape != (n, n):
            raise InputError(
                f"Expected inner products of examples × examples. Got shape {self.products.shape}."
            )
        if self.offsets is not None and len(self.offsets.row_means) != n:
            raise InputError(
                f"Expected offsets of {n} examples. Got {len(self.offsets.row_means)}."
            )

    @classmethod
    def from_features(
        cls, features: Float64[np.ndarray, "n w"], *, coarse: int = 0
    ) -> "ExampleGram":
        """Of features that are in memory, of any real type; `coarse` if others are known to be."""
        origin = Origin.of(features)
        rows = np.array(features, dtype=np.float64)
        means, along = centre_rows(rows, origin)
        return cls(
            products=rows @ rows.T,
            offsets=Offsets.of(means, along, origin),
            coarse=max(coarse, origin.coarse),
        )

    @property
    def count(self) -> int:
        """Number of examples n."""
        return len(self.products)

    @property
    def gram(self) -> Float64[np.ndarray, "n n"]:
        """Inner products of the features as they are, in the unit of their origin."""
        offsets = self.offsets
        if offsets is None:
            return self.products
        means = offsets.row_means + offsets.mean
        return np.asarray(self.about_row_means + offsets.width * np.outer(means, means))

    @property
    def about_shift(self) -> Float64[np.ndarray, "n n"]:
        """Those of the features about a common point, for what does not depend on that point."""
        offsets = self.offsets
        if offsets is None:
            return self.products
        means = offsets.row_means
        return np.asarray(self.products + offsets.width * np.outer(means, means))

    @property
    def about_row_means(self) -> Float64[np.ndarray, "n n"]:
        """Those of the features of each example about their mean; InputError if it is not known."""
        offsets = self.offsets
        if offsets is None:
            raise InputError(
                "Expected features, to correlate examples over them. Got inner products alone. "
                "Make the pair from arrays, or take the Euclidean distance."
            )
        along = offsets.along
        return np.asarray(self.products + (along[:, None] + along[None, :]) + offsets.square)

    def subset(self, indices: Sequence[int] | np.ndarray) -> "ExampleGram":
        """Of these examples, in this order."""
        chosen = np.asarray(indices, dtype=np.intp)
        return replace(
            self,
            products=self.products[np.ix_(chosen, chosen)],
            offsets=None if self.offsets is None else self.offsets.subset(chosen),
        )


def centre_rows(
    features: Float64[np.ndarray, "n w"], origin: Origin
) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """Take a shift and then the row means off features, in place, row by row.

    Returns
    -------
    array (n,), array (n,)
        The means, and the inner products of what is left with the shift.
    """
    origin.applied_to(features, features)
    means = features.mean(axis=1)
    features -= means[:, None]
    along = np.zeros(len(features))
    if origin.moved:
        along = features @ (origin.shift / origin.scale)
    return means, along
