"""The null: what differs in the moments of a pair when Y's examples are permuted."""

from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Float64, Int64

from repsim.moments.second import Moments
from repsim.named_arrays import NamedArrays

__all__ = ["Permuted", "permutation", "within_classes"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Permuted(NamedArrays):
    """Sums over samples of X and Y where Y's examples stand in another order. They add.

    Sums of one layer alone do not change: `applied_to` takes them from the moments, which must be
    about the same origins.

    Parameters
    ----------
    xy : array (p, q)
        Second moment XᵀY.
    norms_xy, norms_x_yy, norms_y_xx : float, array (p,), array (q,)
        As the fields of `Norms` of these names.
    """

    xy: Float64[np.ndarray, "p q"]
    norms_xy: float
    norms_x_yy: Float64[np.ndarray, " p"]
    norms_y_xx: Float64[np.ndarray, " q"]

    @classmethod
    def from_product(cls, xy: Float64[np.ndarray, "m n"]) -> "Permuted":
        """From the product of samples with their squared norms, Y's in another order."""
        return cls(
            xy=xy[:-2, :-2],
            norms_xy=float(xy[-2, -2]),
            norms_x_yy=xy[:-2, -2],
            norms_y_xx=xy[-2, :-2],
        )

    def __add__(self, other: "Permuted") -> "Permuted":
        return type(self)(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )

    def applied_to(self, moments: Moments) -> Moments:
        """The moments of the same samples with Y's examples permuted."""
        norms = replace(moments.norms, xy=self.norms_xy, x_yy=self.norms_x_yy, y_xx=self.norms_y_xx)
        return replace(moments, xy=self.xy, norms=norms)


def permutation(count: int, number: int, *seed: int) -> Int64[np.ndarray, " n"]:
    """A random order of examples: for each of X the one of Y that it meets.

    All orders are equally likely, the identity too. So p-values are valid however few examples
    there are: a permutation that comes up twice counts twice.

    Parameters
    ----------
    count
        Number of examples n.
    number
        Which permutation, from 0.
    *seed
        What else decides.
    """
    return np.random.default_rng([*seed, number]).permutation(count)


def within_classes(labels: np.ndarray, number: int, *seed: int) -> Int64[np.ndarray, " n"]:
    """A random order of examples in which each meets one of its class.

    All such orders are equally likely; the only member of a class meets itself.

    Parameters
    ----------
    labels : array (n,)
        The class of each example: anything that numpy can sort.
    number, *seed
        As for `permutation`.

    Examples
    --------
    >>> labels = np.array(["a", "b", "a", "a", "b"])
    >>> met = within_classes(labels, 0)
    >>> bool((labels[met] == labels).all()), sorted(met.tolist())
    (True, [0, 1, 2, 3, 4])
    """
    _, classes = np.unique(labels, return_inverse=True)
    drawn = np.random.default_rng([*seed, number]).random(len(classes))
    met = np.empty(len(classes), dtype=np.int64)
    met[np.argsort(classes, kind="stable")] = np.lexsort((drawn, classes))
    return met
