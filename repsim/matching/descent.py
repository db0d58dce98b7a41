"""Minimal matches of many neurons at once, by leaving neurons out (Wang et al. 2018, Algorithm 2).

For one neuron v: go through the others in a given order, and leave each out for good if v is
still in the maximum match of what remains. What is left is a v-minimal match, because cores are
monotone: a neuron that v needed once, it needs in every smaller set.

For many neurons the same order is walked down a tree. A node is a set S with the group of neurons
that arrived there by the same decisions. Leaving out u splits the group into those that survive,
which go on in the smaller set, and those that do not, which keep u and go on in S. Each neuron
gets exactly what Algorithm 2 would give it in this order, and shared decisions are made once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

from repsim.matching.geometry import Geometry
from repsim.matching.sieve import Sieve

__all__ = ["Decision", "Minimal", "minimal_sets"]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What happened when a neuron was tried.

    Parameters
    ----------
    neuron : int
        The neuron that was tried.
    kept : bool
        Whether it was found necessary.
    lost : int
        Number of neurons that left, itself included.
    """

    neuron: int
    kept: bool
    lost: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Minimal:
    """A set that is the minimal match of every neuron of a group.

    Parameters
    ----------
    members : int array
        The match, sorted.
    group : int array
        The neurons it was found for.
    largest : float
        Largest distance inside.
    decisions : tuple of Decision
        What was tried, in order.
    """

    members: Int64[np.ndarray, " m"]
    group: Int64[np.ndarray, " k"]
    largest: float
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Node:
    members: Int64[np.ndarray, " n"]
    group: Int64[np.ndarray, " k"]
    position: int
    needed: Bool[np.ndarray, " size"]
    decisions: tuple[Decision, ...]


def minimal_sets(
    geometry: Geometry,
    match: Int64[np.ndarray, " n"],
    eps: float,
    *,
    group: Int64[np.ndarray, " k"],
    order: Int64[np.ndarray, " n"],
) -> Iterator[Minimal]:
    """Minimal matches of a group of neurons inside a match.

    Parameters
    ----------
    geometry : Geometry
        The neurons.
    match : int array
        A match at `eps`, sorted.
    eps : float
        The ε of the matches.
    group : int array
        Members of the match; each is in the group of exactly one result.
    order : int array
        Every member of the match, in the order in which to try to leave it out.
    """
    pending = [
        _Node(
            members=match,
            group=group,
            position=0,
            needed=np.zeros(geometry.size, dtype=bool),
            decisions=(),
        )
    ]
    while pending:
        node = pending.pop()
        if len(node.group):
            yield _descend(geometry, node, eps, order, pending)


def _descend(
    geometry: Geometry,
    node: _Node,
    eps: float,
    order: Int64[np.ndarray, " n"],
    pending: list[_Node],
) -> Minimal:
    """Follow the survivors of a group to the end, and leave the others for later."""
    sieve, group = Sieve(geometry, node.members, eps), node.group
    needed, decisions = node.needed.copy(), list(node.decisions)
    for position in range(node.position, len(order)):
        neuron = int(order[position])
        alone = len(group) == 1
        if (alone and neuron == group[0]) or not sieve.holds(order[position : position + 1])[0]:
            continue
        before = sieve.members
        smaller = sieve.without(neuron, needed=needed, wanted=group)
        if smaller is None:
            needed[neuron] = True
            decisions.append(Decision(neuron=neuron, kept=True, lost=0))
            continue
        stays = smaller.holds(group)
        if not stays.all():
            kept = needed.copy()
            kept[neuron] = True
            others = Decision(neuron=neuron, kept=True, lost=0)
            pending.append(
                _Node(
                    members=before,
                    group=group[~stays],
                    position=position + 1,
                    needed=kept,
                    decisions=(*decisions, others),
                )
            )
            group = group[stays]
        sieve = smaller
        lost = len(before) - len(sieve.members)
        decisions.append(Decision(neuron=neuron, kept=False, lost=lost))
    return Minimal(
        members=sieve.members,
        group=group,
        largest=sieve.largest_distance(),
        decisions=tuple(decisions),
    )
