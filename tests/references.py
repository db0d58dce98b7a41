"""Literal, slow implementations of the published algorithms, independent of the package.

They work on the samples with least squares, as Wang et al. 2018 do, and share no line with
`repsim.matching`. Arrays are samples × neurons; a match is a pair of frozensets of indices.
"""

import itertools

import numpy as np

Pair = tuple[frozenset[int], frozenset[int]]

EMPTY: Pair = (frozenset(), frozenset())


def relative_distances(targets: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Distance of each column of `targets` to the span of the columns of `base`, relative."""
    lengths = np.linalg.norm(targets, axis=0)
    scaled = targets / lengths
    if base.shape[1] == 0:
        return np.ones(targets.shape[1])
    unit = base / np.linalg.norm(base, axis=0)
    solution = np.linalg.lstsq(unit, scaled, rcond=None)[0]
    return np.linalg.norm(scaled - unit @ solution, axis=0)


def live(activations: np.ndarray) -> list[int]:
    """Columns that are not zero."""
    return [int(j) for j in np.flatnonzero(np.linalg.norm(activations, axis=0) > 1e-16)]


def literal_maximum_match(
    x: np.ndarray, y: np.ndarray, eps: float, inside: Pair | None = None
) -> Pair:
    """Algorithm 1: filter X by span(Y), then Y by span of what is left, to a fixed point."""
    xs, ys = (sorted(side) for side in inside) if inside is not None else (live(x), live(y))
    while xs and ys:
        before = (len(xs), len(ys))
        distances = relative_distances(x[:, xs], y[:, ys])
        xs = [v for v, far in zip(xs, distances, strict=True) if far <= eps]
        if not xs:
            break
        distances = relative_distances(y[:, ys], x[:, xs])
        ys = [v for v, far in zip(ys, distances, strict=True) if far <= eps]
        if (len(xs), len(ys)) == before:
            return frozenset(xs), frozenset(ys)
    return EMPTY


def literal_minimal_match(
    x: np.ndarray,
    y: np.ndarray,
    eps: float,
    neuron: tuple[str, int],
    order: list[tuple[str, int]] | None = None,
) -> Pair | None:
    """Algorithm 2: try to leave out each other neuron once, in the given order."""
    match = literal_maximum_match(x, y, eps)
    if not _holds(match, neuron):
        return None
    members = [("x", v) for v in sorted(match[0])] + [("y", v) for v in sorted(match[1])]
    for other in members if order is None else order:
        if other == neuron or not _holds(match, other):
            continue
        smaller = literal_maximum_match(x, y, eps, inside=_without(match, other))
        if _holds(smaller, neuron):
            match = smaller
    return match


def all_matches(x: np.ndarray, y: np.ndarray, eps: float) -> list[Pair]:
    """Every non-empty match, by trying every pair of subsets: for tiny instances only."""
    found = []
    for xs in _subsets(live(x)):
        for ys in _subsets(live(y)):
            near_x = relative_distances(x[:, xs], y[:, ys]) <= eps
            if near_x.all() and (relative_distances(y[:, ys], x[:, xs]) <= eps).all():
                found.append((frozenset(xs), frozenset(ys)))
    return found


def brute_maximum_match(x: np.ndarray, y: np.ndarray, eps: float) -> Pair:
    """Union of all matches."""
    matches = all_matches(x, y, eps)
    xs = frozenset().union(*(m[0] for m in matches))
    ys = frozenset().union(*(m[1] for m in matches))
    return xs, ys


def brute_minimal_matches(matches: list[Pair], neuron: tuple[str, int]) -> list[Pair]:
    """Matches that hold the neuron and no smaller match that holds it."""
    holding = [m for m in matches if _holds(m, neuron)]
    return [m for m in holding if not any(_below(other, m) for other in holding)]


def _below(small: Pair, large: Pair) -> bool:
    return small != large and small[0] <= large[0] and small[1] <= large[1]


def _holds(match: Pair, neuron: tuple[str, int]) -> bool:
    return neuron[1] in match[0 if neuron[0] == "x" else 1]


def _without(match: Pair, neuron: tuple[str, int]) -> Pair:
    side, index = neuron
    return (match[0] - {index}, match[1]) if side == "x" else (match[0], match[1] - {index})


def _subsets(items: list[int]) -> list[list[int]]:
    sizes = range(1, len(items) + 1)
    return [list(c) for size in sizes for c in itertools.combinations(items, size)]
