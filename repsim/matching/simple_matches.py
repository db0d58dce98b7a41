"""All simple matches of a pair of layers at one ε."""

import numpy as np
from jaxtyping import Int64

from repsim.errors import InputError
from repsim.matching.descent import Minimal, minimal_sets
from repsim.matching.geometry import Geometry
from repsim.matching.match import Match, check_epsilon
from repsim.matching.sieve import Sieve
from repsim.matching.simple_match import SimpleMatch, SimpleMatches, distinct
from repsim.matching.sources import Prepared, Via, prepared
from repsim.matching.survivors import Survivors, is_minimal
from repsim.matching.visiting_order import Order, visiting_orders
from repsim.moments import ArrayLike, Factor, Moments

__all__ = ["simple_matches"]


def simple_matches(
    x: ArrayLike | Moments | Factor,
    y: ArrayLike | None = None,
    eps: float | None = None,
    *,
    within: Match | None = None,
    neurons: Match | None = None,
    order: Order = "index",
    seed: int = 0,
    restarts: int = 0,
    centred: bool = False,
    via: Via = "auto",
) -> SimpleMatches:
    """Minimal matches of all neurons at one ε: the simple matches, with certificates.

    Parameters
    ----------
    x, y : array (d, p) and array (d, q), or Moments, or Factor
        Activations of two layers on the same samples; or their moments, or factor.
    eps : float
        The ε of the matches, 0 ≤ ε < 1. At 0, exact matches: use arrays or a factor for those.
    within : Match, optional
        A match to take apart instead of the maximum match.
    neurons : Match, optional
        Neurons to find minimal matches for; all of the match by default. Results for disjoint
        neurons add up to the result for all, so that the work can be spread.
    order, seed, restarts
        Order in which neurons are tried, and runs in further random orders of which the smaller
        match is kept; see `repsim.matching.visiting_order`.
    centred, via
        As in `match_profile`.

    Returns
    -------
    SimpleMatches

    Raises
    ------
    InputError
        When ε is outside its domain or `within` is not a match at ε.

    Notes
    -----
    Each neuron's match is what Algorithm 2 of Wang et al. 2018 gives in the same order; what
    neurons share is computed once (`repsim.matching.descent`). For what the certificates rest on
    see `repsim.matching.survivors`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.eye(3)[:, :2]
    >>> y = np.array([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.1, 1.0]])
    >>> found = simple_matches(x, y, 0.2)
    >>> [(s.match.x.tolist(), s.match.y.tolist()) for s in found.matches]
    [([0], [0]), ([1], [1])]
    >>> found.complete
    True
    """
    limit = _required_epsilon(eps)
    pair = prepared(x, y, centred=centred, via=via)
    geometry = pair.geometry
    members, radius = matched_numbers(pair, limit, within)
    group = members if neurons is None else np.intersect1d(members, geometry.numbers_of(neurons))
    orders = visiting_orders(
        geometry, members, (pair.p, pair.q), order=order, seed=seed, restarts=restarts
    )
    best: dict[int, Minimal] = {}
    for visited in orders:
        for minimal in minimal_sets(geometry, members, radius, group=group, order=visited):
            for neuron in minimal.group.tolist():
                if neuron not in best or len(minimal.members) < len(best[neuron].members):
                    best[neuron] = minimal
    survivors = Survivors(geometry, members, radius)
    return SimpleMatches(
        eps=limit,
        p=pair.p,
        q=pair.q,
        whole=geometry.match_of(members),
        matches=distinct(certified_matches(geometry, radius, best, survivors)),
        order=order,
        seed=seed,
        restarts=restarts,
        method=pair.method,
    )


def matched_numbers(
    pair: Prepared, eps: float, within: Match | None
) -> tuple[Int64[np.ndarray, " m"], float]:
    """Neurons of the maximum match, or of a given match after checking that it is one.

    With them the ε to go on with: a neuron whose critical ε is this very ε, to the last digits,
    must not leave because a fresh factorisation rounds differently.
    """
    geometry = pair.geometry
    if within is None:
        members = np.flatnonzero(pair.peeled.critical <= eps).astype(np.int64)
        return members, max(eps, Sieve(geometry, members, eps).largest_excess())
    members = Sieve.of_match(geometry, geometry.numbers_of(within), eps).members
    if geometry.match_of(members) != within:
        raise InputError(
            f"Expected within to be a match at epsilon {eps}. Got {within.size} neurons, of which "
            f"{len(members)} match each other. Take the maximum match inside it first."
        )
    return members, eps


def certified_matches(
    geometry: Geometry, eps: float, best: dict[int, Minimal], survivors: Survivors
) -> list[SimpleMatch]:
    """The distinct sets among each neuron's best, with their certificates."""
    groups: dict[bytes, list[int]] = {}
    for neuron, minimal in best.items():
        groups.setdefault(minimal.members.tobytes(), []).append(neuron)
    result = []
    for neurons in groups.values():
        group = np.sort(np.array(neurons, dtype=np.int64))
        members = best[neurons[0]].members
        unique = np.array([survivors.is_minimum(members, v) for v in group.tolist()])
        result.append(
            SimpleMatch(
                match=geometry.match_of(members),
                minimal_for=geometry.match_of(group),
                minimum_for=geometry.match_of(group[unique]),
                slack=eps - Sieve(geometry, members, eps).largest_distance(),
                certified=is_minimal(geometry, members, eps, group),
            )
        )
    return result


def _required_epsilon(eps: float | None) -> float:
    if eps is None:
        raise InputError("Expected an epsilon for simple matches. Got none: pass eps=...")
    return check_epsilon(eps)
