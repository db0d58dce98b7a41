"""Centred kernels compared among nearest neighbours (Huh, Cheung, Wang and Isola 2024)."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from repsim.examples import ExampleGram, ExamplePair, Features
from repsim.examples.alignment import unit
from repsim.examples.distances import cosines
from repsim.measures.contract import ROTATIONS, Properties, documented, measured
from repsim.measures.mutual_knn import OfNeighbours
from repsim.moments import ArrayLike

__all__ = ["Options", "cknna"]


class Options(OfNeighbours):
    """Options of centred kernel nearest-neighbour alignment."""

    centred: ClassVar[bool] = True

    @property
    def convention(self) -> str:
        return f"cknna[k={self.k},cosine,{self.features}]"

    @property
    def properties(self) -> Properties:
        return Properties(least=-1.0, invariances=ROTATIONS - {"translation"})

    def unit_vector(self, layer: ExampleGram) -> Float64[np.ndarray, " m"]:
        """The cosines of neighbours about the mean of their example, together of length 1."""
        near = self.neighbours(layer).reshape(layer.count, -1)
        kernel = cosines(layer)
        return unit((near * (kernel - kernel.mean(axis=1, keepdims=True))).ravel())


@documented(Options)
def cknna(
    x: ExamplePair | ArrayLike,
    y: ArrayLike | None = None,
    *,
    k: int = 10,
    features: Features = "averaged",
) -> float:
    r"""CKA of the pairs of examples that are nearest neighbours in both layers.

    .. math:: \frac{A(K, L)}{\sqrt{A(K, K) A(L, L)}}, \qquad
        A(K, L) = \sum_{i \ne j} \alpha_{ij}
            \Bigl(K_{ij} - \frac1n \sum_l K_{il}\Bigr)
            \Bigl(L_{ij} - \frac1n \sum_l L_{il}\Bigr)

    where K and L are the cosines between examples and :math:`\alpha_{ij}` is 1 if example j is
    among the k nearest of example i in both layers. Mutual nearest neighbours forget how near the
    neighbours are, and CKA counts all pairs alike: this is between the two. It is symmetric and
    between -1 and 1; it is hardly ever below 0, since neighbours are more alike than others.

    Parameters
    ----------
    k
        Neighbours of each example, itself not among them.
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
    Huh, Cheung, Wang and Isola 2024, "The Platonic Representation Hypothesis", appendix A. The code
    of the paper centres after it has left out all other pairs, and is another quantity.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(50, 5))
    >>> round(cknna(x, 3 * x[:, ::-1]), 12)
    1.0
    """
    return measured(Options, x, y, k=k, features=features)
