"""Singular vector canonical correlation analysis (Raghu et al. 2017)."""

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float64

from repsim.measures.contract import (
    Of,
    Presets,
    PrincipalDirections,
    Properties,
    check_samples,
    documented,
    measured,
)
from repsim.moments import ArrayLike, Moments
from repsim.moments.factorisations import cosines
from repsim.moments.principal import PrincipalLayer, principal

__all__ = ["Options", "svcca"]

Compat = Literal["anatome"]


class Options(PrincipalDirections):
    """Options of SVCCA."""

    compat: Compat | None = None

    presets: ClassVar[Presets] = {
        "anatome": {"of": "singular values", "directions": None, "centred": True}
    }

    @property
    def convention(self) -> str:
        return f"svcca[{self.library}{self.rule}]"

    @property
    def properties(self) -> Properties:
        kept = self.unchanged_by("orthogonal", "isotropic scaling")
        if self.compat == "anatome":
            # A distance, whose directions depend on the means.
            return Properties(best=0.0, invariances=kept - {"translation"})
        return Properties(invariances=kept)

    def value(self, moments: Moments) -> float:
        if self.compat == "anatome":
            return _anatome(moments, self.variance)
        return super().value(moments)

    def of_cosines(self, between: Float64[np.ndarray, "k l"]) -> float:
        return float(np.mean(cosines(between)))


@documented(Options)
def svcca(
    x: Moments | ArrayLike,
    y: ArrayLike | None = None,
    *,
    variance: float = 0.99,
    of: Of = "singular values",
    directions: int | None = None,
    centred: bool = True,
    compat: Compat | None = None,
) -> float:
    r"""Mean canonical correlation of the leading principal directions of two layers.

    .. math:: \frac{1}{\min(k_X, k_Y)} \sum_i \rho_i, \qquad \rho = \sigma(U_X^\top U_Y)

    with the first k left singular vectors U of each layer, where by default k is the smallest with
    :math:`\sum_{i \le k} \lambda_i \ge 0.99 \sum_i \lambda_i` for its singular values λ. It is
    symmetric, between 0 and 1 (1: the leading directions of one layer are in the span of those of
    the other), and invariant to orthogonal maps of the neurons, one scale and, centred, a constant
    added to them; not to a scale for each neuron. Unrelated layers do not get 0: their mean ρ² is
    about max(k) / d. Read it against samples / directions. The value may jump where k does.

    Parameters
    ----------
    variance
        The share that the kept directions must reach.
    of
        ``"singular values"``, as in the paper's appendix A and its code, or ``"variances"``, their
        squares, as most others take it: it keeps far fewer directions.
    directions
        A number of directions instead; all, where a layer has fewer. The tutorial of google/svcca
        takes 20.
    centred
        Whether each neuron's mean is removed.
    compat
        ``"anatome"``: its ``svcca_distance``, 1 minus the mean correlation, of directions of the
        layers with their means, one too few of them; NaN where it keeps none.

    Returns
    -------
    float
        NaN when a layer is constant. Divided by the smaller number of *kept* directions, not of
        neurons (the paper has both: equation 1 and appendix A).

    Raises
    ------
    InputError
        With as many directions as samples.

    References
    ----------
    Raghu, Gilmer, Yosinski and Sohl-Dickstein 2017, "SVCCA", section 2 and appendix A.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(100, 5)) * [9, 8, 7, 1e-3, 1e-3]
    >>> noisy = x + 1e-3 * np.random.default_rng(1).normal(size=(100, 5))
    >>> round(svcca(x, noisy), 4), round(svcca(x, noisy, directions=5), 4)
    (1.0, 0.9111)
    """
    given = {"variance": variance, "of": of, "directions": directions, "centred": centred}
    return measured(Options, x, y, **given, compat=compat)


def _anatome(moments: Moments, variance: float) -> float:
    """The distance of anatome: directions from the raw layers, correlations about the means."""
    raw, pair = (principal(moments, centred=centred) for centred in (False, True))
    if pair.constant:
        return float("nan")
    along_x, along_y = (_anatome_directions(layer, variance) for layer in (raw.x, raw.y))
    kept_x, kept_y = along_x.shape[1], along_y.shape[1]
    if not min(kept_x, kept_y):
        return float("nan")
    check_samples("svcca", pair, x=kept_x, y=kept_y)
    x = PrincipalLayer(square=along_x.T @ pair.x.square @ along_x)
    y = PrincipalLayer(square=along_y.T @ pair.y.square @ along_y)
    between = y.whitened(x.whitened(along_x.T @ pair.xy @ along_y).T)
    return float(1 - np.sum(cosines(between)) / min(kept_x, kept_y))


def _anatome_directions(layer: PrincipalLayer, variance: float) -> Float64[np.ndarray, "p k"]:
    """Those with which the running sum of singular values stays below the share."""
    lengths = np.sqrt(layer.variances)
    kept = int(np.sum(np.cumsum(lengths) / np.sum(lengths) < variance))
    return layer.axes[:, : min(kept, layer.directions)]
