"""Overlap of the subspaces that hold most of two layers."""

import numpy as np
from jaxtyping import Float64
from pydantic import Field

from repsim.measures.contract import (
    Of,
    PrincipalDirections,
    Properties,
    documented,
    measured,
)
from repsim.moments import ArrayLike, Moments

__all__ = ["Options", "subspace_overlap"]


class Options(PrincipalDirections):
    """Options of the overlap."""

    of: Of = Field(default="variances", description="what the share is of")

    @property
    def convention(self) -> str:
        return f"subspace_overlap[{self.rule}]"

    @property
    def properties(self) -> Properties:
        return Properties(invariances=self.unchanged_by("orthogonal", "isotropic scaling"))

    def of_cosines(self, between: Float64[np.ndarray, "k l"]) -> float:
        return float(min(np.sum(between**2) / min(between.shape), 1.0))


@documented(Options)
def subspace_overlap(
    x: Moments | ArrayLike,
    y: ArrayLike | None = None,
    *,
    variance: float = 0.99,
    of: Of = "variances",
    directions: int | None = None,
    centred: bool = True,
) -> float:
    r"""Mean squared cosine of the principal angles between the leading subspaces of two layers.

    .. math:: \frac{\|U_X^\top U_Y\|_F^2}{\min(k_X, k_Y)} = \frac1m \sum_i \cos^2 \theta_i

    with the first k left singular vectors U of each layer: by default as few as hold 99 % of its
    variance. With the same directions this is the mean ρ² of SVCCA, and for all directions (as many
    as neurons) ``cca(power=2)``. It is symmetric, between 0 and 1 (1: one subspace contains the
    other), and invariant to orthogonal maps of the neurons, one scale and, centred, a constant
    added to them. Unrelated layers do not get 0 but about max(k) / d: read it against samples /
    directions. The value may jump where k does.

    Parameters
    ----------
    variance
        The share that the kept directions must reach.
    of
        ``"variances"``, or ``"singular values"``, their roots, which keeps more directions.
    directions
        A number of directions instead; all, where a layer has fewer.
    centred
        Whether each neuron's mean is removed.

    Returns
    -------
    float
        NaN when a layer is constant.

    Raises
    ------
    InputError
        With as many directions as samples.

    References
    ----------
    Björck and Golub 1973, "Numerical methods for computing angles between linear subspaces",
    https://doi.org/10.1090/S0025-5718-1973-0348991-3.

    Examples
    --------
    >>> import numpy as np
    >>> waves = np.cos(np.pi * np.outer(np.arange(64) + 0.5, np.arange(1, 5)) / 64)
    >>> round(subspace_overlap(waves[:, :2], waves[:, 1:3]), 12)
    0.5
    """
    given = {"variance": variance, "of": of, "directions": directions, "centred": centred}
    return measured(Options, x, y, **given)
