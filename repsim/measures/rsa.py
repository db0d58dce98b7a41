"""Representational similarity analysis (Kriegeskorte, Mur and Bandettini 2008)."""

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float64

from repsim.errors import InputError
from repsim.examples import ExampleGram, ExamplePair, Features
from repsim.examples.alignment import unit
from repsim.examples.distances import (
    ANGLE_STEP,
    correlations,
    cosines,
    distance_step,
    relative_rounding,
    squared_distances,
    told_apart,
)
from repsim.measures.contract import (
    ROTATIONS,
    ExamplesMeasure,
    Invariance,
    Properties,
    documented,
    measured,
)
from repsim.moments import ArrayLike

__all__ = ["Options", "rsa"]

Distance = Literal["euclidean", "squared euclidean", "correlation", "cosine"]
Comparison = Literal["pearson", "spearman"]

_INVARIANCES: dict[Distance, frozenset[Invariance]] = {
    "euclidean": ROTATIONS,
    "squared euclidean": ROTATIONS,
    # A rotation of the features changes their mean over an example.
    "correlation": frozenset({"neuron permutation", "isotropic scaling"}),
    "cosine": frozenset({"orthogonal", "isotropic scaling"}),
}


class Options(ExamplesMeasure):
    """Options of RSA."""

    distance: Distance = "euclidean"
    comparison: Comparison = "spearman"

    # Means are not removed; of the distances, only those to the origin depend on them.
    centred: ClassVar[bool] = False
    undefined: ClassVar[str] = "all its distances between examples are equal, up to rounding"

    @property
    def convention(self) -> str:
        return f"rsa[{self.distance},{self.comparison},{self.features}]"

    @property
    def properties(self) -> Properties:
        return Properties(least=-1.0, invariances=_INVARIANCES[self.distance])

    def unit_vector(self, layer: ExampleGram) -> Float64[np.ndarray, " m"]:
        """The distances above the diagonal, or their ranks, standardised."""
        if layer.count < 3:
            raise InputError(
                f"Expected at least 3 examples, for 3 distances to correlate. Got {layer.count}."
            )
        above = np.tri(layer.count, k=-1, dtype=bool)
        distances, step = _distances(layer, self.distance)
        apart = told_apart(distances, step)[above]
        if apart.max() == apart.min():
            return np.full(len(apart), np.nan)
        if self.comparison == "spearman":
            from scipy.stats import rankdata  # half of the time that `import repsim` would take

            values = rankdata(apart)
        else:
            values = distances[above]
            if self.distance == "euclidean":
                values = np.sqrt(values)
        return unit(values - values.mean())

    def rounding(self, pair: ExamplePair) -> float:
        both = (_distances(layer, self.distance) for layer in (pair.x, pair.y))
        return max(relative_rounding(*found) for found in both)


@documented(Options)
def rsa(
    x: ExamplePair | ArrayLike,
    y: ArrayLike | None = None,
    *,
    distance: Distance = "euclidean",
    comparison: Comparison = "spearman",
    features: Features = "averaged",
) -> float:
    r"""Correlation of the distances between examples in two layers.

    .. math:: \operatorname{corr}\bigl((D^X_{ij})_{i<j}, (D^Y_{ij})_{i<j}\bigr)

    It is symmetric, between -1 and 1 (1: the same distances, or the same order of them), and
    invariant to what does not change the distances (`Options.properties`). Distances of layers
    that are not related are not correlated: unrelated layers get about 0.

    Parameters
    ----------
    distance
        ``"euclidean"``, ``"squared euclidean"``, ``"correlation"`` (1 - Pearson, over the features
        of two examples) or ``"cosine"`` (1 - cosine).
    comparison
        ``"pearson"``, or ``"spearman"``: of ranks, equal distances sharing theirs.
    features
        ``"averaged"`` over positions, or ``"flattened"``; without positions, the same.

    Returns
    -------
    float
        NaN, with a warning, where all distances of a layer are equal up to rounding.

    Raises
    ------
    InputError
        With fewer than 3 examples.

    References
    ----------
    Kriegeskorte, Mur and Bandettini 2008, "Representational similarity analysis: connecting the
    branches of systems neuroscience", https://doi.org/10.3389/neuro.06.004.2008.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(20, 5))
    >>> round(rsa(x, 3 * x[:, ::-1] + 1), 12)
    1.0
    """
    given = {"distance": distance, "comparison": comparison, "features": features}
    return measured(Options, x, y, **given)


def _distances(
    layer: ExampleGram, distance: Distance
) -> tuple[Float64[np.ndarray, "n n"], Float64[np.ndarray, "n n"] | float]:
    """Distances, squared if Euclidean, which have the same order; and what tells them apart."""
    if distance in {"euclidean", "squared euclidean"}:
        return squared_distances(layer), distance_step(layer)
    similarity = correlations(layer) if distance == "correlation" else cosines(layer)
    return 1 - similarity, ANGLE_STEP
