"""Inner products of the examples of one layer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from repsim.errors import InputError

__all__ = ["ExampleGram"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ExampleGram:
    r"""Inner products of n examples, :math:`G = A A^\top` for features A (n × w).

    Takes 8 n² bytes: 8 MiB for 1024 examples.

    Parameters
    ----------
    gram : array (n, n)
        Uncentred and symmetric.
    sums : array (n,), optional
        The sum of each example's features; correlation distances need them.
    width : int
        Number of features w; 0 where it is not known.

    Examples
    --------
    >>> import numpy as np
    >>> ExampleGram.from_features(np.eye(3)).subset([2, 0]).gram
    array([[1., 0.],
           [0., 1.]])
    """

    gram: Float64[np.ndarray, "n n"]
    sums: Float64[np.ndarray, " n"] | None = None
    width: int = 0

    def __post_init__(self) -> None:
        n = len(self.gram)
        if self.gram.shape != (n, n):
            raise InputError(
                f"Expected a gram of examples × examples. Got shape {self.gram.shape}."
            )
        if self.sums is not None and self.sums.shape != (n,):
            raise InputError(f"Expected sums of shape {(n,)}. Got {self.sums.shape}.")

    @classmethod
    def from_features(cls, features: Float64[np.ndarray, "n w"]) -> "ExampleGram":
        """Of features that are float64 already and in memory."""
        return cls(gram=features @ features.T, sums=features.sum(axis=1), width=features.shape[1])

    @property
    def count(self) -> int:
        """Number of examples n."""
        return len(self.gram)

    def subset(self, indices: Sequence[int] | np.ndarray) -> "ExampleGram":
        """Of these examples, in this order."""
        chosen = np.asarray(indices, dtype=np.intp)
        return type(self)(
            gram=self.gram[np.ix_(chosen, chosen)],
            sums=None if self.sums is None else self.sums[chosen],
            width=self.width,
        )
