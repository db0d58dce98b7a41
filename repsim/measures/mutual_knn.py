"""Mutual nearest neighbours (Huh, Cheung, Wang and Isola 2024)."""

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float64
from pydantic import Field

from repsim.errors import InputError
from repsim.examples import ExampleGram, ExamplePair, Features
from repsim.examples.distances import (
    ANGLE_STEP,
    cosines,
    distance_step,
    relative_rounding,
    squared_distances,
    told_apart,
)
from repsim.measures.contract import (
    ROTATIONS,
    ExamplesMeasure,
    Properties,
    documented,
    measured,
)
from repsim.moments import ArrayLike

__all__ = ["OfNeighbours", "Options", "mutual_knn"]

Nearness = Literal["cosine", "euclidean"]

# Above this share of examples with ties at their last neighbour, the value needs a caution.
MANY_TIES = 0.02


class OfNeighbours(ExamplesMeasure):
    """A measure of the k nearest neighbours of each example, by the angle unless it says else."""

    k: int = Field(default=10, ge=1, description="neighbours of each example")

    centred: ClassVar[bool] = False
    undefined: ClassVar[str] = "all its examples are as far from each other, up to rounding"
    # k of fewer examples is another neighbourhood.
    halves: ClassVar[bool] = False

    def neighbours(self, layer: ExampleGram) -> Float64[np.ndarray, " m"]:
        """For each two examples whether the second is a neighbour of the first, of length 1."""
        n = layer.count
        if self.k > n - 2:
            raise InputError(
                f"Expected more than {self.k + 1} examples for {self.k} neighbours of each. Got "
                f"{n}: all others would be neighbours in any layer. Take more, or a smaller k."
            )
        levels = self._levels(layer)
        apart = ~np.eye(n, dtype=bool)
        if levels[apart].max() == levels[apart].min():
            return np.full(n * n, np.nan)  # No example is nearer than any other.
        nearer, tied, needed = _neighbours(levels, self.k)
        near = nearer + tied * (needed / tied.sum(axis=1))[:, None]
        return np.asarray(near / np.sqrt(n * self.k)).ravel()

    def caution(self, pair: ExamplePair) -> str:
        shares = []
        for layer in (pair.x, pair.y):
            _, tied, needed = _neighbours(self._levels(layer), self.k)
            shares.append(float(np.mean(tied.sum(axis=1) > needed)))
        if max(shares) <= MANY_TIES:
            return ""
        return (
            f"{shares[0]:.0%} of the examples in X and {shares[1]:.0%} in Y have several others as "
            f"near as neighbour number {self.k}: each of these counts in part, and a layer with "
            "ties does not reach 1 with itself. Leave out examples that are equal."
        )

    def rounding(self, pair: ExamplePair) -> float:
        return max(relative_rounding(*self.distances(layer)) for layer in (pair.x, pair.y))

    def distances(
        self, layer: ExampleGram
    ) -> tuple[Float64[np.ndarray, "n n"], Float64[np.ndarray, "n n"] | float]:
        """Between examples, and by how much two of them must differ to count as different."""
        return 1 - cosines(layer), ANGLE_STEP

    def _levels(self, layer: ExampleGram) -> Float64[np.ndarray, "n n"]:
        return told_apart(*self.distances(layer))


class Options(OfNeighbours):
    """Options of mutual nearest neighbours."""

    distance: Nearness = "cosine"

    @property
    def convention(self) -> str:
        return f"mutual_knn[k={self.k},{self.distance},{self.features}]"

    @property
    def properties(self) -> Properties:
        moved = {"translation"} if self.distance == "cosine" else set()
        return Properties(invariances=ROTATIONS - moved)

    def unit_vector(self, layer: ExampleGram) -> Float64[np.ndarray, " m"]:
        return self.neighbours(layer)

    def distances(
        self, layer: ExampleGram
    ) -> tuple[Float64[np.ndarray, "n n"], Float64[np.ndarray, "n n"] | float]:
        if self.distance == "euclidean":
            return squared_distances(layer), distance_step(layer)
        return super().distances(layer)


@documented(Options)
def mutual_knn(
    x: ExamplePair | ArrayLike,
    y: ArrayLike | None = None,
    *,
    k: int = 10,
    distance: Nearness = "cosine",
    features: Features = "averaged",
) -> float:
    r"""Share of the nearest neighbours of an example that it has in both layers.

    .. math:: \frac1n \sum_i \frac{|\mathrm{knn}_X(i) \cap \mathrm{knn}_Y(i)|}{k}

    It is symmetric, between 0 and 1, and about k / (n - 1) for unrelated layers. Only the order of
    the distances from each example counts, and only nearby. Of examples that are equally near, each
    counts with the share that it would have if chance decided.

    Parameters
    ----------
    k
        Neighbours of each example, itself not among them.
    distance
        ``"cosine"``, as in the paper's code (uncentred; a zero example is as far from all), or
        ``"euclidean"``.
    features
        ``"averaged"`` over positions, or ``"flattened"``; without positions, the same.

    Returns
    -------
    float
        NaN where all examples of a layer are as far from each other.

    Raises
    ------
    InputError
        With at most k + 1 examples.

    References
    ----------
    Huh, Cheung, Wang and Isola 2024, "The Platonic Representation Hypothesis", appendix A,
    and ``mutual_knn`` of its code. That code also clips outliers first; this does not.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(50, 5))
    >>> round(mutual_knn(x, 3 * x[:, ::-1]), 12)
    1.0
    """
    return measured(Options, x, y, k=k, distance=distance, features=features)


def _neighbours(
    levels: Float64[np.ndarray, "n n"], k: int
) -> tuple[Bool[np.ndarray, "n n"], Bool[np.ndarray, "n n"], Float64[np.ndarray, " n"]]:
    """Examples nearer than the k-th neighbour of each, those as near, how many of them count."""
    others = levels.copy()
    np.fill_diagonal(others, np.inf)
    last = np.partition(others, k - 1, axis=1)[:, k - 1 : k]
    nearer, tied = others < last, others == last
    return nearer, tied, k - nearer.sum(axis=1).astype(np.float64)
