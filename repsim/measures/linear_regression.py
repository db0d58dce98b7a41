"""How much of a layer is a linear function of the other (Kornblith et al. 2019, section 3)."""

from typing import ClassVar, Literal

import numpy as np

from repsim.measures.contract import (
    CentredOption,
    Invariance,
    Properties,
    check_samples,
    documented,
    measured,
)
from repsim.moments import ArrayLike, Moments
from repsim.moments.principal import principal

__all__ = ["Options", "linear_regression"]

Direction = Literal["x->y", "y->x"]


class Options(CentredOption):
    """Options of linear regression."""

    direction: Direction = "x->y"

    spans: ClassVar[bool] = True

    @property
    def convention(self) -> str:
        return f"linear_regression[{self.direction},{self.centring}]"

    @property
    def properties(self) -> Properties:
        of_predictors = frozenset[Invariance]({"invertible linear"})
        forward = self.direction == "x->y"
        return Properties(
            symmetric=False,
            invariances=self.unchanged_by("orthogonal", "isotropic scaling"),
            further_x=of_predictors if forward else frozenset(),
            further_y=frozenset() if forward else of_predictors,
        )

    def value(self, moments: Moments) -> float:
        pair = principal(moments, centred=self.centred)
        forward = self.direction == "x->y"
        predictors, target = (pair.x, pair.y) if forward else (pair.y, pair.x)
        live = len(predictors.live)
        check_samples("linear_regression", pair, x=live if forward else 0, y=0 if forward else live)
        if pair.constant:
            return float("nan")
        fitted = pair.basis_of_x if forward else pair.basis_of_y
        return float(np.sum(fitted**2) / target.trace)


@documented(Options)
def linear_regression(
    x: Moments | ArrayLike,
    y: ArrayLike | None = None,
    *,
    direction: Direction = "x->y",
    centred: bool = True,
) -> float:
    r"""Share of the variance of Y that a linear function of X explains: R² of least squares.

    .. math:: R^2 = 1 - \min_B \frac{\|Y - X B\|_F^2}{\|Y\|_F^2}
              = \frac{\|Q_X^\top Y\|_F^2}{\|Y\|_F^2}

    with an orthonormal basis Q of the span of the neurons. All neurons of Y together, each by its
    variance; on the samples of the fit. It is between 0 and 1 (1: Y is a linear function of X), not
    symmetric, invariant to any invertible linear map of X, and to orthogonal maps and one scale of
    Y. Unrelated layers do not get 0 but p / d, p being the neurons of X: read it against samples /
    neurons.

    Parameters
    ----------
    direction
        ``"x->y"``: Y is predicted. ``"y->x"``: X is predicted, as in Kornblith's
        :math:`R^2_{LR}(X, Y)` and in ReSi.
    centred
        Whether each neuron's mean is removed: a regression with an intercept.

    Returns
    -------
    float
        NaN when a layer is constant. A neuron within 1e-6 of its length of the span of others
        counts as in it.

    Raises
    ------
    InputError
        With as many live neurons among the predictors as samples, where any layer is explained.

    References
    ----------
    Kornblith, Norouzi, Lee and Hinton 2019, "Similarity of Neural Network Representations
    Revisited", section 3 and table 1.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(100, 5))
    >>> round(linear_regression(x, x[:, :2] + 1), 12)
    1.0
    >>> round(linear_regression(x, x[:, :2], direction="y->x"), 2)
    0.38
    """
    return measured(Options, x, y, direction=direction, centred=centred)
