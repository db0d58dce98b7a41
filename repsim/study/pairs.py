"""Which networks of a study are compared with which."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import Literal

from repsim.study.networks import Variation

__all__ = ["Kind", "Pairs", "Place", "chosen_pairs", "of_snapshots", "pair_count"]

Kind = Literal["all", "within", "between", "same seed", "none", "over training", "same snapshot"]
Pairs = Kind | tuple[Kind | tuple[int | str, int | str], ...]

Place = tuple[int, int]
"""A network: the number of its variation, and of its seed in it."""

# Kinds of pairs of snapshots, which are listed when the steps of each training are known.
OF_SNAPSHOTS = {"over training", "same snapshot"}


def pair_count(pairs: Pairs, variations: Sequence[Variation]) -> int:
    """How many pairs there are, without listing them where they are given by kind."""
    kinds = _of_networks(pairs)
    if kinds is None:
        return len(chosen_pairs(pairs, variations))
    sizes = [len(variation.seeds) for variation in variations]
    within = sum(size * (size - 1) // 2 for size in sizes)
    between = sum(sizes) * (sum(sizes) - 1) // 2 - within
    same = Counter(seed for variation in variations for seed in variation.seeds if seed)
    of_one_seed = sum(count * (count - 1) // 2 for count in same.values())
    everything = "all" in kinds
    return within * (everything or "within" in kinds) + (
        between if everything or "between" in kinds else of_one_seed * ("same seed" in kinds)
    )


def chosen_pairs(pairs: Pairs, variations: Sequence[Variation]) -> list[tuple[Place, Place]]:
    """The pairs of networks, in the order of the networks or, where they are listed, of the list.

    Raises
    ------
    ValueError
        For a name that no network and no variant has, a network with itself, a pair that is listed
        twice, and where there is no pair; the message has no full stop.
    """
    kinds = _of_networks(pairs)
    if kinds is not None:
        found = list(_of_kinds(kinds, variations))
        if not found and kinds:
            raise ValueError(f"Expected at least one pair of networks. Got none that is {pairs!r}")
        return found
    names = _names(variations)
    found, listed = [], set()
    for pair in pairs:
        assert not isinstance(pair, str)
        for end in pair:
            if str(end) not in names:
                raise ValueError(f"Expected pairs of {_known(variations)}. Got {end!r}")
        first, second = (names[str(end)] for end in pair)
        # A variant with itself: its networks with each other.
        both = combinations(first, 2) if first == second else product(first, second)
        ends = list(both)
        if not ends or any(a == b for a, b in ends):
            raise ValueError(f"Expected two different networks in a pair. Got {list(pair)}")
        found += ends
        listed |= {frozenset(end) for end in ends}
    if not found or len(listed) != len(found):
        raise ValueError(
            f"Expected at least one pair, and each pair once. Got {[list(pair) for pair in pairs]}"
        )
    return found


def of_snapshots(pairs: Pairs) -> frozenset[str]:
    """The kinds of pairs of snapshots that are asked for."""
    return (_kinds(pairs) or frozenset()) & OF_SNAPSHOTS


def _of_networks(pairs: Pairs) -> frozenset[str] | None:
    """The kinds of pairs of networks that are asked for; None where pairs are listed."""
    kinds = _kinds(pairs)
    if kinds is None:
        return None
    if kinds == {"none"}:
        return frozenset()
    # Without another kind, all networks are compared at each snapshot.
    return kinds - OF_SNAPSHOTS or frozenset({"all"} if "same snapshot" in kinds else ())


def _kinds(pairs: Pairs) -> frozenset[str] | None:
    """The kinds that are asked for; None where pairs are listed."""
    if isinstance(pairs, str):
        return frozenset({pairs})
    words = [pair for pair in pairs if isinstance(pair, str)]
    if words and len(words) < len(pairs):
        raise ValueError(f"Expected kinds of pairs, or pairs of names. Got both in {list(pairs)}")
    return frozenset(words) if words else None


def _of_kinds(
    kinds: frozenset[str], variations: Sequence[Variation]
) -> Iterator[tuple[Place, Place]]:
    networks = [
        ((number, place), seed)
        for number, variation in enumerate(variations)
        for place, seed in enumerate(variation.seeds)
    ]
    for (a, seed_a), (b, seed_b) in combinations(networks, 2):
        kind = "within" if a[0] == b[0] else "between"
        if not kinds.isdisjoint({"all", kind}) or (
            "same seed" in kinds and seed_a is not None and seed_a == seed_b
        ):
            yield a, b


def _names(variations: Sequence[Variation]) -> dict[str, list[Place]]:
    """What a pair may name: a network, or a variation or variant for all its networks."""
    names: dict[str, list[Place]] = {}
    for number, variation in enumerate(variations):
        for place, seed in enumerate(variation.seeds):
            here = (number, place)
            if seed is not None:
                if not variation.name:
                    names[seed.label] = [here]
                names[f"{variation.name} seed {seed.label}".lstrip()] = [here]
            for name in {variation.name, variation.variant} - {""}:
                names.setdefault(name, []).append(here)
    return names


def _known(variations: Sequence[Variation]) -> str:
    if any(variation.name for variation in variations):
        listed = ", ".join(variation.name for variation in variations)
        seeded = ((one.name, seed) for one in variations for seed in one.seeds if seed)
        name, seed = next(seeded, ("", None))
        trained = "" if seed is None else f" or networks ({name} seed {seed.label} ...)"
        return f"variants ({listed}){trained}"
    return f"seeds ({', '.join(seed.label for seed in variations[0].seeds if seed)})"
