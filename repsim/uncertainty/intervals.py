"""Intervals over examples, from groups of them: jackknife and bootstrap."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from repsim.errors import InputError

__all__ = ["Interval", "bootstrap_interval", "jackknife_interval"]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Where a value would lie with other examples, as many as these.

    Parameters
    ----------
    low, high : float
        Ends of the interval.
    level : float
        Its nominal coverage, 0 to 1.
    standard_error : float
        Standard deviation of the value over examples.
    bias : float
        By how much the value is too large on average, as the replicates estimate it. The interval
        is about the value as it is: it says how much it varies, not how far it is from the value
        with infinitely many examples.
    """

    low: float
    high: float
    level: float
    standard_error: float
    bias: float


def jackknife_interval(
    value: float, without: Sequence[float] | np.ndarray, *, level: float = 0.9
) -> Interval:
    r"""Interval from the values without each of G groups of examples.

    .. math:: \mathrm{se}^2 = \frac{G-1}{G} \sum_g (\theta_{(g)} - \bar\theta_{(\cdot)})^2

    with the quantile of Student's t of G − 1 degrees of freedom: few groups give a wide interval.

    Parameters
    ----------
    value
        With all examples.
    without
        Values (G,) without each group, of equal sizes.
    level
        Coverage.

    Raises
    ------
    InputError
        For fewer than two groups, or a level outside (0, 1).

    References
    ----------
    Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 11; groups of
    observations: section 11.5.

    Examples
    --------
    >>> x = np.arange(10.0)
    >>> interval = jackknife_interval(x.mean(), [np.delete(x, i).mean() for i in range(10)])
    >>> bool(np.isclose(interval.standard_error, x.std(ddof=1) / np.sqrt(10)))
    True
    """
    values = _checked(without, level)
    groups = len(values)
    mean = float(values.mean())
    error = float(np.sqrt((groups - 1) / groups * np.sum((values - mean) ** 2)))
    reach = float(stats.t.ppf((1 + level) / 2, groups - 1)) * error
    return Interval(
        low=value - reach,
        high=value + reach,
        level=level,
        standard_error=error,
        bias=(groups - 1) * (mean - value),
    )


def bootstrap_interval(
    value: float, samples: Sequence[float] | np.ndarray, *, level: float = 0.9
) -> Interval:
    r"""Basic bootstrap interval from values with groups of examples drawn again.

    .. math:: [\,2\theta - q_{1-\alpha/2},\; 2\theta - q_{\alpha/2}\,]

    A measure that rises when examples are fewer, as most here do, rises in every bootstrap sample:
    groups come twice. The basic interval takes that off; the percentile interval would add it.

    Parameters
    ----------
    value
        With all examples as they are.
    samples
        Values (B,) of the bootstrap samples.
    level
        Coverage.

    References
    ----------
    Davison and Hinkley 1997, "Bootstrap Methods and their Application", section 5.2.1.

    Examples
    --------
    >>> interval = bootstrap_interval(0.5, np.linspace(0.4, 0.7, 301), level=0.9)
    >>> round(interval.low, 3), round(interval.high, 3), round(interval.bias, 3)
    (0.315, 0.585, 0.05)
    """
    values = _checked(samples, level)
    below, above = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(
        low=float(2 * value - above),
        high=float(2 * value - below),
        level=level,
        standard_error=float(values.std(ddof=1)),
        bias=float(values.mean()) - value,
    )


def _checked(values: Sequence[float] | np.ndarray, level: float) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) < 2:
        raise InputError(f"Expected values of at least two replicates. Got shape {array.shape}.")
    if not 0 < level < 1:
        raise InputError(f"Expected a level between 0 and 1. Got {level}.")
    return array
