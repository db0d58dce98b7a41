"""How far a value is from what chance gives: permuted examples as the null."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repsim.errors import InputError

__all__ = ["Null", "chance_corrected", "family_p_values", "null_band", "p_value"]

Values = Sequence[float] | np.ndarray


@dataclass(frozen=True, kw_only=True)
class Null:
    """What the same layers give when one network sees other examples than the other."""

    mean: float
    low: float
    high: float


def null_band(null: Values) -> Null:
    """Mean and range of the null values: with some ten of them quantiles would say no more.

    >>> null_band([0.25, 0.75])
    Null(mean=0.5, low=0.25, high=0.75)
    """
    values = _checked(null)
    return Null(mean=float(values.mean()), low=float(values.min()), high=float(values.max()))


def p_value(value: float, null: Values, *, larger_is_more_similar: bool = True) -> float:
    r"""Probability of so much similarity by chance, from P exchanges of examples.

    .. math:: (1 + \#\{\text{null} \ge \text{value}\}) / (1 + P)

    The one that is added is the value itself, which is one of the exchanges: without it a p-value
    could be zero, which no finite number of exchanges can show.

    References
    ----------
    Phipson and Smyth 2010, "Permutation P-values should never be zero".

    Examples
    --------
    >>> p_value(0.9, [0.2] * 19), p_value(0.2, [0.2] * 19)
    (0.05, 1.0)
    """
    values = _checked(null)
    extreme = values >= value if larger_is_more_similar else values <= value
    return (1 + int(extreme.sum())) / (1 + len(values))


def family_p_values(
    values: Values, nulls: np.ndarray, *, larger_is_more_similar: bool = True
) -> np.ndarray:
    r"""p-values that hold for all layers of a pair at once.

    Exchange i is the same at every layer. Values are put on one scale, so that a layer on which
    chance alone gives much does not hide the others:

    .. math:: z_l = (\theta_l - \bar\theta_l) / s_l

    with mean and deviation over the value and its null together; each layer's z is then compared
    with the largest z over layers of every exchange (studentised maxT, single step).

    Parameters
    ----------
    values
        One for each layer, (L,).
    nulls
        Null values (L, P).

    Returns
    -------
    numpy.ndarray
        (L,).

    References
    ----------
    Westfall and Young 1993, "Resampling-Based Multiple Testing", section 2.3.

    Examples
    --------
    >>> family_p_values([0.9, 0.4], np.array([[0.1, 0.2, 0.3], [0.5, 0.1, 0.2]])).tolist()
    [0.25, 0.5]
    """
    sign = 1.0 if larger_is_more_similar else -1.0
    every = sign * np.column_stack((np.asarray(values, dtype=np.float64), nulls))
    deviation = every.std(axis=1, keepdims=True)
    scores = (every - every.mean(axis=1, keepdims=True)) / np.where(deviation == 0, 1.0, deviation)
    most = scores[:, 1:].max(axis=0)
    return np.array([p_value(score, most) for score in scores[:, 0]])


def chance_corrected(value: float, null: Values, *, best: float = 1.0) -> float:
    r"""The value on a scale on which chance is 0 and identical layers are 1.

    .. math:: \frac{\theta - \bar\theta_\text{null}}{\theta_\text{best} - \bar\theta_\text{null}}

    Negative where layers are less similar than by chance; NaN where chance gives the best value,
    which happens with as many neurons as samples.

    References
    ----------
    The form is that of the adjusted Rand index: Hubert and Arabie 1985, equation 4.

    Examples
    --------
    >>> chance_corrected(0.75, [0.5, 0.5])
    0.5
    """
    mean = float(_checked(null).mean())
    return (value - mean) / (best - mean) if best != mean else float("nan")


def _checked(null: Values) -> np.ndarray:
    values = np.asarray(null, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise InputError(f"Expected at least one value of the null. Got shape {values.shape}.")
    return values
