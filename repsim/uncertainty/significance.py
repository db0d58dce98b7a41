"""How far a value is from chance, with permuted examples as the null."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from repsim.errors import InputError

__all__ = ["Null", "chance_corrected", "family_p_values", "null_band", "p_value", "p_words"]

Values = Sequence[float] | Float64[np.ndarray, " n"]

# Values nearer than this are one value with different rounding: layers of as many neurons as
# samples give 1 in every permutation, some a digit more and some a digit less.
TIE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Null:
    """The values of the same layers when the two networks see different examples.

    Parameters
    ----------
    mean : float
        Over the permutations of examples.
    low, high : float
        Quantiles of 5 % and 95 %; the least and the largest of up to 19.
    """

    mean: float
    low: float
    high: float


def null_band(null: Values) -> Null:
    """Mean and range of the null values.

    The i-th of P is the quantile of i / (P + 1), as for p-values.

    >>> null_band([0.25, 0.75])
    Null(mean=0.5, low=0.25, high=0.75)
    """
    values = _checked(null)
    low, high = np.quantile(values, [0.05, 0.95], method="weibull")
    return Null(mean=float(values.mean()), low=float(low), high=float(high))


def p_value(value: float, null: Values, *, larger_is_more_similar: bool = True) -> float:
    r"""Probability of so much similarity by chance, from P permutations of examples.

    .. math:: (1 + \#\{\text{null} \ge \text{value}\}) / (1 + P)

    The one that is added is the value itself, which is one of the permutations: without it a
    p-value could be zero, which no finite number of permutations can show. Ties count as reached.

    References
    ----------
    Phipson and Smyth 2010, "Permutation P-values should never be zero".

    Examples
    --------
    >>> p_value(0.9, [0.2] * 19), p_value(0.2, [0.2] * 19)
    (0.05, 1.0)
    """
    values = _checked(null)
    excess = values - value if larger_is_more_similar else value - values
    reached = excess >= -TIE * max(1.0, abs(value))
    return float(1 + reached.sum()) / (1 + len(values))


def p_words(p: float, permutations: int | None, *, brief: bool = False) -> str:
    """A p-value in words; at its smallest possible value they say so.

    Parameters
    ----------
    p
        (1 + permutations that reach the value) / (1 + permutations).
    permutations
        Their number; None where it is not known.
    brief
        Without the reason, where it stands beside.

    >>> p_words(0.05, 19)
    'p ≤ .05, the least possible with 19 permutations'
    >>> p_words(0.15, 19), p_words(0.05, 99), p_words(0.05, 19, brief=True)
    ('p = .15', 'p = .05', 'p ≤ .05')
    """
    if permutations is None or p > (1 + TIE) / (1 + permutations):
        return f"p = {_probability(p)}"
    words = f"p ≤ {_probability(1 / (1 + permutations))}"
    least = f"the least possible with {permutations} permutation{'s' * (permutations != 1)}"
    return words if brief else f"{words}, {least}"


def _probability(p: float) -> str:
    """Two digits, rounded up: what is printed is never below what was found.

    >>> _probability(0.1), _probability(1 / 17), _probability(0.001), _probability(1.0)
    ('.10', '.059', '.001', '1')
    """
    places = 1 - math.floor(math.log10(p))
    rounded = math.ceil(p * 10**places - 1e-6) / 10**places
    text = f"{rounded:.{places}f}"
    while len(text) > len("0.05") and text.endswith("0"):
        text = text[:-1]
    return "1" if rounded >= 1 else text.removeprefix("0")


def family_p_values(
    values: Sequence[float] | Float64[np.ndarray, " l"],
    nulls: Float64[np.ndarray, "l n"],
    *,
    larger_is_more_similar: bool = True,
) -> Float64[np.ndarray, " l"]:
    r"""p-values that hold for all layers of a pair at once.

    Permutation i is the same at every layer. Values are put on one scale, so that a layer on which
    chance alone gives much does not hide the others:

    .. math:: z_l = (\theta_l - \bar\theta_l) / s_l

    with mean and deviation over the value and its null together; each layer's z is then compared
    with the largest z over layers of every permutation (studentised maxT, single step). The
    probability that any layer without similarity gets p ≤ a is at most a.

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

    Raises
    ------
    InputError
        When shapes disagree.

    References
    ----------
    Westfall and Young 1993, "Resampling-Based Multiple Testing", section 2.3.

    Examples
    --------
    >>> family_p_values([0.9, 0.4], np.array([[0.1, 0.2, 0.3], [0.5, 0.1, 0.2]])).tolist()
    [0.25, 0.5]
    """
    observed = np.asarray(values, dtype=np.float64)
    if nulls.ndim != 2 or observed.shape != nulls.shape[:1] or not nulls.size:
        raise InputError(
            "Expected the values of L layers, and P values of the null for each, L × P. "
            f"Got shapes {observed.shape} and {nulls.shape}."
        )
    sign = 1.0 if larger_is_more_similar else -1.0
    every = sign * np.column_stack((observed, nulls))
    centred = every - every.mean(axis=1, keepdims=True)
    deviation = every.std(axis=1, keepdims=True)
    scale = np.maximum(1.0, np.abs(every).max(axis=1, keepdims=True))
    scores = np.where(deviation > TIE * scale, centred, 0.0) / np.where(deviation > 0, deviation, 1)
    most = scores[:, 1:].max(axis=0)
    return np.array([p_value(float(score), most) for score in scores[:, 0]])


def chance_corrected(value: float, null: Values, *, best: float = 1.0) -> float:
    r"""The value on a scale on which chance is 0 and identical layers are 1.

    .. math:: \frac{\theta - \bar\theta_\text{null}}{\theta_\text{best} - \bar\theta_\text{null}}

    Negative where layers are less similar than by chance, and for distances a similarity, too. NaN
    where chance gives the best value, which happens with as many neurons as samples.

    References
    ----------
    The form is that of the adjusted Rand index: Hubert and Arabie 1985, equation 4.

    Examples
    --------
    >>> chance_corrected(0.75, [0.5, 0.5])
    0.5
    """
    mean = float(_checked(null).mean())
    room = best - mean
    return (value - mean) / room if abs(room) > TIE * max(1.0, abs(best)) else float("nan")


def _checked(null: Values) -> Float64[np.ndarray, " n"]:
    values = np.asarray(null, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise InputError(f"Expected at least one value of the null. Got shape {values.shape}.")
    return values
