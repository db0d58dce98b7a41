"""Whether groups of pairs differ, by permutations of the groups of the networks.

Pairs share networks, so they are no independent sample: what can be permuted is which networks
belong together.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from jaxtyping import Float64, Int64

from repsim.errors import InputError
from repsim.uncertainty.significance import family_p_values, p_value

__all__ = ["Contrast", "GroupDifference", "group_difference"]

# Relabellings: all of them up to as many, else this many with the one that was observed. The few
# are for more than LARGE values (pairs × layers), of which ten times as many would take a minute.
MOST_RELABELLINGS = 10_000
FEW_RELABELLINGS = 1_000
LARGE = 20_000

# Values that are held in memory at once: 32 MB.
BATCH = 4_000_000

# "within": pairs within group 0 less those within group 1.
# "cohesion": pairs within any group less pairs between two.
Contrast = Literal["within", "cohesion"]


@dataclass(frozen=True, kw_only=True)
class GroupDifference:
    """A difference of the means of two sets of pairs, with its p-values (two-sided).

    Parameters
    ----------
    difference : float
        Mean over layers.
    p_value : float
        Of the mean over layers.
    layers, p_values, p_values_layers : numpy.ndarray
        Of each layer (L,): the difference, its p-value, and the p-value for all layers at once.
    permutations : int
        Relabellings of the networks beside the observed one: no p-value is below 1 / (1 + them).
    exact : bool
        Whether these are all that exist.
    """

    difference: float
    p_value: float
    layers: Float64[np.ndarray, " l"]
    p_values: Float64[np.ndarray, " l"]
    p_values_layers: Float64[np.ndarray, " l"]
    permutations: int
    exact: bool


def group_difference(
    values: Float64[np.ndarray, "p l"],
    first: Int64[np.ndarray, " p"],
    second: Int64[np.ndarray, " p"],
    groups: Int64[np.ndarray, " n"],
    contrast: Contrast,
    *,
    seed: int = 0,
) -> GroupDifference | None:
    r"""Test of a difference between groups of pairs, by permuted groups of the networks.

    .. math:: (1 + \#\{|T^*| \ge |T|\}) / (1 + P)

    where T is the difference of the mean over pairs of one kind and of another, and T* the same
    with the groups of the networks permuted: in all ways that give another partition if these are
    at most 10 000, else in 9 999 random ones (of more than 20 000 values, 1 000 and 999). The
    null hypothesis is that networks of all groups are exchangeable; a group that differs in any way
    may be found.

    Parameters
    ----------
    values
        A measure of P pairs at L layers, all finite.
    first, second
        The networks of each pair: every two of N networks once.
    groups
        The group of each network, (N,): 0 to K - 1, each at least twice.
    contrast
        "within": pairs within group 0 less pairs within group 1, of two groups. "cohesion": pairs
        within any group less pairs between groups.
    seed
        Of the random permutations.

    Returns
    -------
    GroupDifference or None
        None where a group has fewer than two networks, or there is one group: nothing to test.

    Raises
    ------
    InputError
        When values are not finite, a pair is missing, or "within" is asked of other than two
        groups.

    References
    ----------
    Clarke 1993, "Non-parametric multivariate analyses of changes in community structure", for pairs
    that share units; Phipson and Smyth 2010 for the one that is added.
    """
    sizes = np.bincount(groups)
    _check(values, first, second, sizes, contrast)
    if len(sizes) < 2 or sizes.min() < 2:
        return None
    pair_at = np.zeros((groups.size, groups.size), dtype=np.int64)
    pair_at[first, second] = pair_at[second, first] = np.arange(len(first))
    members, exact = _relabellings(groups, seed, large=values.size > LARGE)
    inside = np.stack(
        [
            _sums_inside(values, pair_at, members[:, stop - size : stop])
            for size, stop in zip(sizes, np.cumsum(sizes), strict=True)
        ]
    )
    amounts = sizes * (sizes - 1) / 2
    if contrast == "within":
        differences = inside[0] / amounts[0] - inside[1] / amounts[1]
    else:
        plus, every = inside.sum(axis=0), values.sum(axis=0)
        differences = plus / amounts.sum() - (every - plus) / (len(values) - amounts.sum())
    means, sizes_of = differences.mean(axis=1), np.abs(differences)
    return GroupDifference(
        difference=float(means[0]),
        p_value=p_value(abs(float(means[0])), np.abs(means[1:])),
        layers=differences[0],
        p_values=np.array([p_value(float(one[0]), one[1:]) for one in sizes_of.T]),
        p_values_layers=family_p_values(sizes_of[0], sizes_of[1:].T),
        permutations=len(members) - 1,
        exact=exact,
    )


def _check(
    values: Float64[np.ndarray, "p l"],
    first: Int64[np.ndarray, " p"],
    second: Int64[np.ndarray, " p"],
    sizes: npt.NDArray[np.int64],
    contrast: Contrast,
) -> None:
    networks = int(sizes.sum())
    pairs = {(min(a, b), max(a, b)) for a, b in zip(first.tolist(), second.tolist(), strict=True)}
    if pairs != set(itertools.combinations(range(networks), 2)) or len(pairs) != len(first):
        raise InputError(
            f"Expected every two of {networks} networks as one pair. Got {len(first)} pairs, "
            f"{len(pairs)} of them different."
        )
    if not values.size or not np.isfinite(values).all():
        raise InputError(
            "Expected finite values of every pair at every layer. Got "
            f"{int((~np.isfinite(values)).sum())} of {values.size} that are not."
        )
    if contrast == "within" and len(sizes) != 2:
        raise InputError(f"Expected two groups for the contrast 'within'. Got {len(sizes)}.")


def _sums_inside(
    values: Float64[np.ndarray, "p l"],
    pair_at: npt.NDArray[np.int64],
    members: npt.NDArray[np.int64],
) -> Float64[np.ndarray, "r l"]:
    """Sums over the pairs within a group, of which each relabelling has other members (R, size)."""
    one, other = np.triu_indices(members.shape[1], k=1)
    rows = max(1, BATCH // (one.size * values.shape[1]))
    return np.concatenate(
        [
            values[pair_at[part[:, one], part[:, other]]].sum(axis=1)
            for part in (members[at : at + rows] for at in range(0, len(members), rows))
        ]
    )


def _relabellings(
    groups: npt.NDArray[np.int64], seed: int, *, large: bool
) -> tuple[npt.NDArray[np.int64], bool]:
    """Networks (R, N) by group, the observed groups first; whether these are all partitions."""
    sizes = np.bincount(groups)
    _, alike = np.unique(sizes, return_counts=True)
    amount = math.factorial(len(groups))
    for size in sizes.tolist():
        amount //= math.factorial(size)
    for equal in alike.tolist():
        amount //= math.factorial(equal)
    observed = np.argsort(groups, kind="stable")
    wanted = FEW_RELABELLINGS if large else MOST_RELABELLINGS
    if amount > wanted:
        drawn = np.tile(observed, (wanted - 1, 1))
        drawn = np.random.default_rng(seed).permuted(drawn, axis=1)
        return np.concatenate((observed[None], drawn)), False
    order = sorted(range(len(sizes)), key=lambda group: (sizes[group], group))
    places = [place for group in order for place in np.flatnonzero(groups == group).tolist()]
    found = []
    for partition in _partitions(places, [int(sizes[group]) for group in order]):
        of_group = dict(zip(order, partition, strict=True))
        found.append([place for group in range(len(sizes)) for place in of_group[group]])
    return np.array(found), True


def _partitions(
    places: Sequence[int], sizes: Sequence[int]
) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Every way to part places into sets of these sizes, ascending, once; the first as they stand.

    >>> list(_partitions([0, 1, 2, 3], [2, 2]))
    [((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2))]
    """
    if len(sizes) == 1:
        yield (tuple(places),)
        return
    size, *rest = sizes
    for chosen in itertools.combinations(places, size):
        left = [place for place in places if place not in chosen]
        for others in _partitions(left, rest):
            # Sets of one size stand in the order of their first places: each partition comes once.
            if size != rest[0] or places.index(chosen[0]) < places.index(others[0][0]):
                yield (chosen, *others)
