"""Correlations of few points, with p-values from permutations."""

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64

from repsim.errors import InputError
from repsim.uncertainty.significance import TIE, p_value

__all__ = ["Correlation", "correlation"]

# All permutations of up to so many points, else as many random ones as 9 999.
MOST_EXACT = 8
RANDOM = 9_999


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """A correlation coefficient, and the share of permutations that reach it on either side."""

    value: float
    p_value: float
    points: int
    permutations: int


def correlation(
    x: Float64[np.ndarray, " n"],
    y: Float64[np.ndarray, " n"],
    kind: Literal["pearson", "spearman"],
    *,
    seed: int = 0,
) -> Correlation | None:
    """Pearson's or Spearman's correlation of N points, two-sided.

    The p-value is that of permutations, all of up to eight points, since the formula that assumes
    normal values gives 0 for a perfect order of even three points.

    Parameters
    ----------
    x, y
        Finite values (N,).
    kind
        "spearman": of ranks, of which ties have their mean.
    seed
        Of random permutations.

    Returns
    -------
    Correlation or None
        None of fewer than three points, or where either is constant.

    Raises
    ------
    InputError
        When lengths differ or a value is not finite.

    Examples
    --------
    >>> x, y = np.array([1.0, 2.0, 4.0, 8.0]), np.array([9.0, 7.0, 3.0, 1.0])
    >>> found = correlation(x, y, "spearman")
    >>> round(found.value, 6), round(found.p_value, 4)
    (-1.0, 0.0833)
    """
    if x.shape != y.shape or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError(
            "Expected two arrays of as many finite values. Got shapes "
            f"{x.shape} and {y.shape}, with {int((~np.isfinite(x)).sum())} and "
            f"{int((~np.isfinite(y)).sum())} values that are not finite."
        )
    points = len(x)
    if points < 3 or np.ptp(x) <= TIE * np.abs(x).max() or np.ptp(y) <= TIE * np.abs(y).max():
        return None
    if kind == "spearman":
        from scipy.stats import rankdata  # half of the time that `import repsim` would take

        x, y = rankdata(x), rankdata(y)
    x, y = ((one - one.mean()) / np.linalg.norm(one - one.mean()) for one in (x, y))
    if points <= MOST_EXACT:
        # The first permutation is the one that was observed.
        orders = np.array(list(itertools.permutations(range(points))))[1:]
    else:
        rows = np.tile(np.arange(points), (RANDOM, 1))
        orders = np.random.default_rng(seed).permuted(rows, axis=1)
    value = float(x @ y)
    return Correlation(
        value=math.copysign(min(abs(value), 1.0), value),
        p_value=p_value(abs(value), np.abs(y[orders] @ x)),
        points=points,
        permutations=len(orders),
    )
