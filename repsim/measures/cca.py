"""Mean canonical correlation, and all of them."""

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float64

from repsim.measures.contract import (
    CentredOption,
    Presets,
    Properties,
    check_samples,
    documented,
    measured,
)
from repsim.moments import ArrayLike, Moments
from repsim.moments.principal import PrincipalPair, principal

__all__ = ["Options", "cca", "cca_spectrum"]

Compat = Literal["google/svcca", "kornblith", "netrep"]

# cca_core.get_cca_similarity: the correlations after this share of their sum are left out.
GOOGLE_THRESHOLD = 0.98


class Options(CentredOption):
    """Options of mean CCA."""

    power: Literal[1, 2] = 1
    compat: Compat | None = None

    spans: ClassVar[bool] = True
    presets: ClassVar[Presets] = {
        "google/svcca": {"power": 1, "centred": True},
        "kornblith": {"power": 2, "centred": False},
        "netrep": {"power": 1, "centred": True},
    }

    @property
    def convention(self) -> str:
        return f"cca[{self.library}power={self.power},{self.centring}]"

    @property
    def properties(self) -> Properties:
        angle = self.compat == "netrep"
        return Properties(
            most=np.pi / 2 if angle else 1.0,
            best=0.0 if angle else 1.0,
            invariances=self.unchanged_by("invertible linear"),
        )

    def value(self, moments: Moments) -> float:
        pair = _pair(moments, centred=self.centred)
        if pair.constant:
            return float("nan")
        correlations = pair.correlations
        match self.compat:
            case "google/svcca":
                return float(np.mean(_leading(correlations)))
            case "kornblith":
                return float(np.sum(correlations**2) / min(moments.p, moments.q))
            case "netrep":
                cosine = np.sum(correlations) / np.sqrt(pair.x.rank * pair.y.rank)
                return float(np.arccos(min(cosine, 1.0)))
        return float(np.mean(correlations**self.power))


@documented(Options)
def cca(
    x: Moments | ArrayLike,
    y: ArrayLike | None = None,
    *,
    power: Literal[1, 2] = 1,
    centred: bool = True,
    compat: Compat | None = None,
) -> float:
    r"""Mean canonical correlation of two layers.

    .. math:: \frac1m \sum_{i \le m} \rho_i^k, \qquad
              \rho = \sigma(Q_X^\top Q_Y), \quad m = \min(r_X, r_Y)

    with orthonormal bases Q of the spans of the neurons, singular values σ and ranks r. It is
    symmetric, between 0 and 1 (1: the span of one layer contains that of the other), and invariant
    to any invertible linear map of the neurons and, centred, to a constant added to them. So it
    weighs a direction of no variance like any other. Unrelated layers do not get 0: their mean
    squared correlation is about max(p, q) / d, and for p + q > d some correlations must be 1. Read
    it against samples / neurons.

    Parameters
    ----------
    power
        1: mean ρ, as in SVCCA's paper; 2: mean ρ², Kornblith's :math:`R^2_{CCA}`.
    centred
        Whether each neuron's mean is removed.
    compat
        As another library has it. ``"google/svcca"``: ``get_cca_similarity(...)["mean"]``, the mean
        of the leading correlations that make up 98 % of their sum. ``"kornblith"``: the demo of
        the CKA paper, ρ² of layers that are not centred, over min(p, q), dead neurons included.
        ``"netrep"``: ``LinearMetric(alpha=0)``, the angle arccos(Σρ / √(r_X r_Y)), a distance.

    Returns
    -------
    float
        NaN when a layer is constant. A neuron within 1e-6 of its length of the span of others
        counts as in it (`repsim.moments.principal.RANK_TOLERANCE`).

    Raises
    ------
    InputError
        With as many live neurons as samples, where any two layers have ρ = 1.

    References
    ----------
    Raghu, Gilmer, Yosinski and Sohl-Dickstein 2017, "SVCCA", equation 1; Kornblith, Norouzi, Lee
    and Hinton 2019, "Similarity of Neural Network Representations Revisited", table 1.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(100, 5))
    >>> mixed = x @ np.random.default_rng(1).normal(size=(5, 5))
    >>> round(cca(x, mixed), 12)
    1.0
    """
    return measured(Options, x, y, power=power, centred=centred, compat=compat)


def cca_spectrum(
    x: Moments | ArrayLike, y: ArrayLike | None = None, *, centred: bool = True
) -> Float64[np.ndarray, " m"]:
    r"""All canonical correlations of two layers, largest first.

    Cosines of the principal angles between the spans of their neurons; `cca` is their mean.

    Parameters
    ----------
    x, y, centred
        As for `cca`.

    Returns
    -------
    array (m,)
        As many as the smaller rank; none when a layer is constant. Values below about 1e-7 are
        rounding: a second moment holds squares.

    Raises
    ------
    InputError
        As `cca`.

    References
    ----------
    Björck and Golub 1973, "Numerical methods for computing angles between linear subspaces",
    https://doi.org/10.1090/S0025-5718-1973-0348991-3.

    Examples
    --------
    >>> import numpy as np
    >>> waves = np.cos(np.pi * np.outer(np.arange(64) + 0.5, np.arange(1, 5)) / 64)
    >>> np.round(cca_spectrum(waves[:, :3], waves[:, 2:]), 6)
    array([1., 0.])
    """
    moments = Options(centred=centred).statistic_of(x, y)
    return _pair(moments, centred=centred).correlations.copy()


def _pair(moments: Moments, *, centred: bool) -> PrincipalPair:
    pair = principal(moments, centred=centred)
    check_samples("cca", pair, x=len(pair.x.live), y=len(pair.y.live))
    return pair


def _leading(correlations: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, " k"]:
    """The fewest correlations, but never all of them but the last, with 98 % of the sum."""
    shares = np.concatenate(([0.0], np.cumsum(correlations))) / np.sum(correlations)
    enough = np.flatnonzero(shares[:-1] >= GOOGLE_THRESHOLD)
    return correlations[: enough[0]] if len(enough) else correlations
