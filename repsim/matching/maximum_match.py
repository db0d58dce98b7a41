"""The maximum match at ε: the match that contains every other match (Wang et al. 2018, §3)."""

import numpy as np
from jaxtyping import Float64

from repsim.matching.match import Match, check_epsilon

__all__ = ["maximum_match_at"]


def maximum_match_at(
    critical_x: Float64[np.ndarray, " p"], critical_y: Float64[np.ndarray, " q"], eps: float
) -> Match:
    """Maximum match at ε, from every neuron's critical ε (`repsim.matching.peel` finds those).

    A neuron's critical ε is the smallest ε at which it is in the maximum match, and maximum
    matches are nested in ε. Hence the match is the set of neurons whose critical ε is at most ε
    (inclusive); NaN, the critical ε of a dead neuron, never is.

    >>> match = maximum_match_at(np.array([0.1, 0.3, np.nan]), np.array([0.3]), 0.3)
    >>> match.x, match.y
    (array([0, 1]), array([0]))
    """
    limit = check_epsilon(eps)
    return Match(
        x=np.flatnonzero(critical_x <= limit).astype(np.int64),
        y=np.flatnonzero(critical_y <= limit).astype(np.int64),
    )
