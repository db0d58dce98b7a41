"""CKA of Gaussian kernels (Kornblith et al. 2019)."""

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float64
from pydantic import Field

from repsim.examples import ExampleGram, ExamplePair, Features
from repsim.examples.alignment import aligned
from repsim.examples.distances import squared_distances
from repsim.measures.contract import (
    ROTATIONS,
    ExamplesMeasure,
    Properties,
    documented,
    measured,
)
from repsim.moments import ArrayLike

__all__ = ["Options", "rbf_cka"]

Median = Literal["with diagonal", "without diagonal"]


class Options(ExamplesMeasure):
    """Options of CKA with Gaussian kernels."""

    fraction: float = Field(default=0.5, gt=0, description="bandwidth / median distance")
    median: Median = Field(
        default="with diagonal",
        description="the median over all pairs of examples, of each with itself too, or not",
    )
    debiased: bool = False

    # The kernel is centred; distances do not depend on means.
    centred: ClassVar[bool] = True
    undefined: ClassVar[str] = (
        "its examples are all equal, or so many of them that their median distance is zero"
    )

    @property
    def convention(self) -> str:
        bias = "debiased" if self.debiased else "biased"
        return f"rbf_cka[fraction={self.fraction:g},median {self.median},{bias},{self.features}]"

    @property
    def properties(self) -> Properties:
        return Properties(least=-1.0 if self.debiased else 0.0, invariances=ROTATIONS)

    def unit_vector(self, layer: ExampleGram) -> Float64[np.ndarray, " m"]:
        """The kernel about its means, of length 1."""
        kernel = _kernel(squared_distances(layer), self.fraction, self.median)
        return aligned(kernel, debiased=self.debiased)


@documented(Options)
def rbf_cka(
    x: ExamplePair | ArrayLike,
    y: ArrayLike | None = None,
    *,
    fraction: float = 0.5,
    median: Median = "with diagonal",
    debiased: bool = False,
    features: Features = "averaged",
) -> float:
    r"""Centred kernel alignment of two layers, with a Gaussian kernel of the examples.

    .. math:: \frac{\mathrm{HSIC}(K, L)}{\sqrt{\mathrm{HSIC}(K, K)\,\mathrm{HSIC}(L, L)}}, \qquad
              K_{ij} = \exp\Bigl(-\frac{\|x_i - x_j\|^2}{2 \sigma^2}\Bigr)

    The bandwidth σ of each layer is `fraction` times the root of the median squared distance of
    its examples. In the authors' notebook the median runs over all pairs, with the zeros between
    an example and itself; other libraries leave these out, or take one σ for all layers.

    It is symmetric, between 0 and 1 (debiased: -1 and 1), 1 for layers with the same distances up
    to one factor, and invariant to orthogonal maps, one scale and translations. Biased, unrelated
    layers do not get 0, the less so the fewer the examples and the smaller σ.

    Parameters
    ----------
    fraction
        σ over the root of the median squared distance.
    median
        ``"with diagonal"`` (Kornblith's notebook) or ``"without diagonal"``.
    debiased
        With the unbiased HSIC₁ (Song et al. 2012); negative values are left as they
        are.
    features
        ``"averaged"`` over positions, or ``"flattened"``; without positions, the same.

    Returns
    -------
    float
        NaN where a layer is constant, or the median distance is zero.

    Raises
    ------
    InputError
        With fewer than 4 examples and `debiased`.

    References
    ----------
    Kornblith, Norouzi, Lee and Hinton 2019, "Similarity of Neural Network Representations
    Revisited", equations 3 and 4, section 3 for the bandwidth.

    Examples
    --------
    The authors' notebook gives .65483 for this:

    >>> import numpy as np
    >>> random = np.random.RandomState(1337)
    >>> x = random.randn(100, 10)
    >>> y = random.randn(100, 10) + x
    >>> round(rbf_cka(x, y, fraction=0.5), 5)
    0.65483
    """
    given = {"fraction": fraction, "median": median, "debiased": debiased, "features": features}
    return measured(Options, x, y, **given)


def _kernel(
    distances: Float64[np.ndarray, "n n"], fraction: float, median: Median
) -> Float64[np.ndarray, "n n"]:
    """Gaussian kernel of squared distances; constant where their median is zero."""
    among = distances
    if median == "without diagonal":
        among = distances[~np.eye(len(distances), dtype=bool)]
    middle = float(np.median(among))
    return np.exp(-distances / (2 * fraction**2 * middle)) if middle else np.ones_like(distances)
