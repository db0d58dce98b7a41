"""A minimal match of one neuron: no others than it needs (Wang et al. 2018, Algorithm 2)."""

from dataclasses import dataclass

import numpy as np

from repsim.errors import InputError, unknown_name
from repsim.matching.descent import Decision, minimal_sets
from repsim.matching.geometry import Geometry
from repsim.matching.match import Match, check_epsilon
from repsim.matching.simple_matches import certified_matches, matched_numbers
from repsim.matching.sources import Via, prepared
from repsim.matching.survivors import Survivors
from repsim.matching.visiting_order import Order, visiting_orders
from repsim.moments import ArrayLike, Factor, Moments

__all__ = ["MinimalMatch", "Trial", "minimal_match"]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What came of leaving one neuron out.

    Parameters
    ----------
    neuron : (str, int)
        ("x" or "y", index).
    kept : bool
        Whether the match needs it.
    lost : int
        Number of neurons that left the match, itself included; 0 when it was kept.
    """

    neuron: tuple[str, int]
    kept: bool
    lost: int


@dataclass(frozen=True, kw_only=True)
class MinimalMatch:
    """A match that holds a neuron, and no smaller match inside it does.

    Parameters
    ----------
    neuron : (str, int)
        ("x" or "y", index).
    match : Match
        The match.
    unique : bool
        Whether it is the neuron's minimum match: contained in every match that holds the neuron.
    slack : float
        ε minus the largest distance inside.
    certified : bool
        Whether taking out each member again, from a fresh factorisation, killed the neuron.
    trace : tuple of Trial
        What was tried, in order, in the run that gave the match.
    sizes : tuple of int
        Size that each run gave: the first order, then the restarts.
    """

    neuron: tuple[str, int]
    match: Match
    unique: bool
    slack: float
    certified: bool
    trace: tuple[Trial, ...]
    sizes: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of neurons on both sides."""
        return self.match.size


def minimal_match(
    x: ArrayLike | Moments | Factor,
    y: ArrayLike | None = None,
    eps: float | None = None,
    *,
    neuron: tuple[str, int],
    order: Order = "index",
    seed: int = 0,
    restarts: int = 0,
    centred: bool = False,
    via: Via = "auto",
) -> MinimalMatch | None:
    """A minimal match of one neuron at one ε; None when the neuron is in no match.

    Parameters
    ----------
    x, y : array (d, p) and array (d, q), or Moments, or Factor
        Activations of two layers on the same samples; or their moments, or factor.
    eps : float
        The ε of the match, 0 ≤ ε < 1.
    neuron : (str, int)
        ("x", index) or ("y", index).
    order : {"index", "random"}
        Order in which the other neurons are tried: X by index and then Y, or drawn.
    seed, restarts : int
        Runs in further random orders; the smallest match is kept, the first among equals.
    centred, via
        As in `match_profile`.

    Returns
    -------
    MinimalMatch or None

    Notes
    -----
    A neuron can have several minimal matches, of different sizes; which one is found depends on
    the order. `unique` says whether there is only one: then no order gives another.

    Examples
    --------
    >>> import numpy as np
    >>> found = minimal_match(np.eye(3), np.eye(3), 0.1, neuron=("x", 1))
    >>> found.match.x, found.match.y, found.unique
    (array([1]), array([1]), True)
    """
    if eps is None:
        raise InputError("Expected an epsilon for a minimal match. Got none: pass eps=...")
    limit = check_epsilon(eps)
    pair = prepared(x, y, centred=centred, via=via)
    geometry = pair.geometry
    target = geometry.numbers_of(_only(neuron, (pair.p, pair.q)))
    members, radius = matched_numbers(pair, limit, None)
    if not np.isin(target, members).any():
        return None
    orders = visiting_orders(
        geometry, members, (pair.p, pair.q), order=order, seed=seed, restarts=restarts
    )
    runs = [
        next(minimal_sets(geometry, members, radius, group=target, order=visited))
        for visited in orders
    ]
    best = min(runs, key=lambda run: len(run.members))
    survivors = Survivors(geometry, members, radius)
    simple = certified_matches(geometry, radius, {int(target[0]): best}, survivors)[0]
    return MinimalMatch(
        neuron=neuron,
        match=simple.match,
        unique=simple.minimum_for.size == 1,
        slack=simple.slack,
        certified=simple.certified,
        trace=tuple(_trial(geometry, decision) for decision in best.decisions),
        sizes=tuple(len(run.members) for run in runs),
    )


def _only(neuron: tuple[str, int], layers: tuple[int, int]) -> Match:
    side, index = neuron
    if side not in ("x", "y"):
        raise InputError(unknown_name("side", str(side), ["x", "y"]))
    width = layers[0 if side == "x" else 1]
    if not 0 <= index < width:
        raise InputError(f"Expected a neuron of {side} between 0 and {width - 1}. Got {index}.")
    return Match.of([index], []) if side == "x" else Match.of([], [index])


def _trial(geometry: Geometry, decision: Decision) -> Trial:
    here = geometry.match_of(np.array([decision.neuron]))
    neuron = ("x", int(here.x[0])) if len(here.x) else ("y", int(here.y[0]))
    return Trial(neuron=neuron, kept=decision.kept, lost=decision.lost)
