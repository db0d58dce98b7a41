"""Projection weighted canonical correlation analysis (Morcos, Raghu and Bengio 2018)."""

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float64
from scipy import linalg

from repsim.errors import InputError
from repsim.measures.contract import (
    Invariance,
    MomentsMeasure,
    Presets,
    Properties,
    check_samples,
    documented,
    measured,
)
from repsim.moments import ArrayLike, Moments
from repsim.moments.principal import PrincipalPair, principal

__all__ = ["Options", "pwcca"]

Compat = Literal["google/svcca"]
Weights = Literal["x", "y", "both"]


class Options(MomentsMeasure):
    """Options of PWCCA; neurons are always centred."""

    weights: Weights = "x"
    compat: Compat | None = None

    centred: ClassVar[bool] = True
    spans: ClassVar[bool] = True
    presets: ClassVar[Presets] = {"google/svcca": {"weights": "x"}}

    @property
    def convention(self) -> str:
        return f"pwcca[{self.library}weights={self.weights},centred]"

    @property
    def properties(self) -> Properties:
        kept: set[Invariance] = {"neuron permutation", "isotropic scaling", "translation"}
        of_other = frozenset[Invariance]({"invertible linear", "translation"})
        return Properties(
            symmetric=self.weights == "both",
            invariances=frozenset({"isotropic scaling"} if self.compat else kept),
            further_x=of_other if self.weights == "y" else frozenset(),
            further_y=of_other if self.weights == "x" else frozenset(),
        )

    def value(self, moments: Moments) -> float:
        pair = principal(moments, centred=True)
        check_samples("pwcca", pair, x=len(pair.x.live), y=len(pair.y.live))
        if pair.constant:
            return float("nan")
        if self.compat == "google/svcca":
            return _google(moments, pair)
        if self.weights == "both":
            by_x = _weighted(pair.correlations, pair.projections_x)
            return (by_x + _weighted(pair.correlations, pair.projections_y)) / 2
        of_x = self.weights == "x"
        return _weighted(pair.correlations, pair.projections_x if of_x else pair.projections_y)


@documented(Options)
def pwcca(
    x: Moments | ArrayLike,
    y: ArrayLike | None = None,
    *,
    weights: Weights = "x",
    compat: Compat | None = None,
) -> float:
    r"""Mean canonical correlation of two layers, weighted by how much of a layer each explains.

    .. math:: \sum_i \alpha_i \rho_i \Big/ \sum_i \alpha_i, \qquad
              \alpha_i = \sum_j |\langle h_i, z_j \rangle|

    with the canonical variates h of one layer, orthonormal vectors over the samples, and its
    centred neurons z. Only the variates that have a correlation count: as many as the smaller rank.
    It is between 0 and 1 (1: each direction that weighs is in the span of the other layer). With
    the weights of X it is invariant to any invertible linear map of Y, and of X to permutations and
    one scale only. Unrelated layers do not get 0, and for p + q > d several correlations must be 1.
    Variates of equal correlations, and so their weights, are not determined. Read it against
    samples / neurons.

    Parameters
    ----------
    weights
        The layer whose neurons weigh: ``"x"``, as in the paper, ``"y"``, or ``"both"``: the mean of
        the two values, which is symmetric (Kornblith et al. 2019 do so).
    compat
        ``"google/svcca"``: ``pwcca.compute_pwcca``, which leaves the whitening out of the
        directions, adds means back to them and projects neurons with their means. So the value
        depends on the signs that LAPACK gives to singular vectors; the same routine is called on
        the same matrix here. Its branch for wider X fails, and so does this one. (anatome's
        ``pwcca_distance`` sums projections over samples: no function of the moments.)

    Returns
    -------
    float
        NaN when a layer is constant.

    Raises
    ------
    InputError
        With as many live neurons as samples; with `compat`, when X is wider than Y or has dead or
        dependent neurons.

    References
    ----------
    Morcos, Raghu and Bengio 2018, "Insights on representational similarity in neural networks with
    canonical correlation", section 2.2, equation 1.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(100, 5))
    >>> x[:, 1:] = 0.01 * x[:, 1:] + x[:, :1]
    >>> y = np.random.default_rng(1).normal(size=(100, 5)) + 9 * x[:, :1]
    >>> round(pwcca(x, y), 2), round(pwcca(x, y, weights="y"), 2)
    (0.98, 0.87)
    """
    return measured(Options, x, y, weights=weights, compat=compat)


def _weighted(rho: Float64[np.ndarray, " m"], projections: Float64[np.ndarray, "m a"]) -> float:
    alpha = np.abs(projections).sum(axis=1)
    return float(alpha @ rho / np.sum(alpha))


def _google(moments: Moments, pair: PrincipalPair) -> float:
    """The algorithm of pwcca.py in google/svcca, in terms of the moments."""
    if moments.p > moments.q:
        raise InputError(
            'Expected X no wider than Y with compat = "google/svcca", whose other branch fails. '
            f"Got {moments.p} and {moments.q} neurons. Exchange X and Y."
        )
    if pair.x.rank < moments.p:
        raise InputError(
            'Expected independent neurons in X with compat = "google/svcca", whose directions are '
            f"not determined otherwise. Got rank {pair.x.rank} of {moments.p}. Drop the others."
        )
    roots = [
        (layer.axes[:, :k] / np.sqrt(layer.variances[:k])) @ layer.axes[:, :k].T
        for layer, k in ((pair.x, pair.x.directions), (pair.y, pair.y.directions))
    ]
    u, rho, _ = np.linalg.svd(roots[0] @ pair.xy @ roots[1])
    raw = moments.raw()
    mean = raw.sum_x / raw.count
    # Direction i is the i-th projection of the centred layer plus the mean of the i-th neuron.
    gram = u.T @ pair.x.square @ u + moments.count * np.outer(mean, mean)
    with_neurons = u.T @ pair.x.square + np.outer(mean, raw.sum_x)
    # A QR of the directions has the Cholesky factor of their inner products.
    return _weighted(rho, linalg.solve_triangular(linalg.cholesky(gram), with_neurons, trans=1))
