"""Simple matches: the smallest building blocks of the matches at one ε, each with a certificate."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Int64

from repsim.errors import InputError
from repsim.matching.match import Match
from repsim.text import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

__all__ = ["SimpleMatch", "SimpleMatches"]


@dataclass(frozen=True, kw_only=True)
class SimpleMatch:
    """A match that is minimal for some neuron: it is no union of smaller matches.

    (If v is minimal in S, no smaller match inside S holds v, so no union of them does.)

    Parameters
    ----------
    match : Match
        The neurons.
    minimal_for : Match
        Neurons for which it was found and is minimal: no smaller match inside holds them.
    minimum_for : Match
        Those of them for which it is the *minimum*: contained in every match that holds them.
    slack : float
        ε minus the largest distance inside; not negative in a match, except by rounding where a
        distance equals ε or zero up to rounding.
    certified : bool
        Whether taking out any member was tried again, from a fresh factorisation, and killed
        every neuron of `minimal_for`.
    """

    match: Match
    minimal_for: Match
    minimum_for: Match
    slack: float
    certified: bool

    @property
    def size(self) -> int:
        """Number of neurons on both sides."""
        return self.match.size


@dataclass(frozen=True, kw_only=True, repr=False)
class SimpleMatches:
    """Simple matches at one ε, without repetitions, smallest first.

    One minimal match for each requested neuron: *the* minimum match where it exists, otherwise the
    smallest that the visiting orders led to.

    Parameters
    ----------
    eps : float
        The ε of all matches.
    p, q : int
        Numbers of neurons of the layers, dead ones included.
    whole : Match
        The match that was taken apart: the maximum match, or the one that was given.
    matches : tuple of SimpleMatch
        The simple matches.
    order : {"index", "random"}
        Order in which neurons were tried in the first run.
    seed, restarts : int
        Further runs in random orders, of which the smaller match was kept.
    method : {"moments", "factor"}
        What distances were computed from.
    """

    eps: float
    p: int
    q: int
    whole: Match
    matches: tuple[SimpleMatch, ...]
    order: str
    seed: int
    restarts: int
    method: str

    def __len__(self) -> int:
        return len(self.matches)

    def __repr__(self) -> str:
        sizes = sorted({simple.size for simple in self.matches})
        ends = " to ".join(map(str, dict.fromkeys((sizes[0], sizes[-1])))) if sizes else ""
        return (
            f"SimpleMatches({count(len(self), 'simple match', 'simple matches')}"
            f"{f' of {ends} neurons' if sizes else ''} at ε = {self.eps:.4g}, where "
            f"{self.whole.size} of {self.p} + {self.q} neurons match; complete: {self.complete})"
        )

    def plot(self, ax: "Axes | None" = None) -> "FigureBase":
        """A map of the simple matches: a row for each, a column for each neuron that matches.

        Dark: the match is minimal for the neuron. Light: the neuron is inside, and has a smaller
        match. Neurons are in the order of their matches.

        Parameters
        ----------
        ax
            Axes to draw on; by default on a page of its own.

        Returns
        -------
        Figure
        """
        from repsim.drawing import drawn_on
        from repsim.matching.drawings import draw_simple_matches

        height = min(max(0.16 * len(self), 1.2), 4.0)
        return drawn_on(ax, lambda axes: draw_simple_matches(axes, self), width=5, height=height)

    def _repr_html_(self) -> str:
        from repsim.drawing import pictured

        return pictured(self.plot(), repr(self))

    def of(self, side: str, index: int) -> SimpleMatch | None:
        """The minimal match of a neuron; None when it is in no match, or was not requested."""
        for simple in self.matches:
            if index in (simple.minimal_for.x if side == "x" else simple.minimal_for.y):
                return simple
        return None

    @property
    def sizes(self) -> tuple[Int64[np.ndarray, " p"], Int64[np.ndarray, " q"]]:
        """Size of each neuron's minimal match, per layer; 0 where there is none."""
        sizes = np.zeros(self.p, dtype=np.int64), np.zeros(self.q, dtype=np.int64)
        for simple in self.matches:
            sizes[0][simple.minimal_for.x] = simple.size
            sizes[1][simple.minimal_for.y] = simple.size
        return sizes

    @property
    def unique(self) -> tuple[Bool[np.ndarray, " p"], Bool[np.ndarray, " q"]]:
        """Which neurons have a minimum match, per layer: one inside every match with them."""
        unique = np.zeros(self.p, dtype=bool), np.zeros(self.q, dtype=bool)
        for simple in self.matches:
            unique[0][simple.minimum_for.x] = True
            unique[1][simple.minimum_for.y] = True
        return unique

    @property
    def unique_share(self) -> float:
        """Share of the neurons with a minimal match whose minimum match is unique; NaN if none."""
        asked = sum(simple.minimal_for.size for simple in self.matches)
        unique = sum(simple.minimum_for.size for simple in self.matches)
        return unique / asked if asked else float("nan")

    @property
    def complete(self) -> bool:
        """Whether these are all simple matches that exist.

        So it is when every neuron of the match has a minimum match, by the decomposition theorem
        (Wang et al. 2018): then every match is a union of these.
        """
        asked = sum(simple.minimal_for.size for simple in self.matches)
        unique = sum(simple.minimum_for.size for simple in self.matches)
        return asked == unique == self.whole.size

    def decomposition(self) -> tuple[SimpleMatch, ...]:
        """Few of the simple matches whose union is the whole match (greedily, largest gain first).

        Raises InputError when only some neurons were requested.
        """
        chosen: list[SimpleMatch] = []
        covered, rest = Match.of([], []), list(self.matches)
        while covered != self.whole:
            gains = [(simple.match | covered).size for simple in rest]
            if not gains or max(gains) == covered.size:
                raise InputError(
                    "Expected simple matches of all neurons of the match. "
                    f"Got some that cover {covered.size} of {self.whole.size} neurons."
                )
            best = rest.pop(int(np.argmax(gains)))
            chosen.append(best)
            covered = covered | best.match
        return tuple(chosen)

    def rows(self) -> list[dict[str, object]]:
        """One row of plain values per simple match, smallest first: for tables and JSON."""
        return [
            {
                "size": simple.size,
                "x": simple.match.x.tolist(),
                "y": simple.match.y.tolist(),
                "minimal_for_x": simple.minimal_for.x.tolist(),
                "minimal_for_y": simple.minimal_for.y.tolist(),
                "minimum_for_x": simple.minimum_for.x.tolist(),
                "minimum_for_y": simple.minimum_for.y.tolist(),
                "slack": simple.slack,
                "certified": simple.certified,
            }
            for simple in self.matches
        ]

    def __add__(self, other: "SimpleMatches") -> "SimpleMatches":
        """Both results, when they were found for different neurons of the same match."""
        if (self.eps, self.whole) != (other.eps, other.whole):
            raise InputError(
                "Expected simple matches of the same match at the same epsilon. "
                f"Got {self.whole.size} neurons at {self.eps}, "
                f"and {other.whole.size} at {other.eps}."
            )
        return replace(self, matches=distinct((*self.matches, *other.matches)))


def distinct(matches: Iterable[SimpleMatch]) -> tuple[SimpleMatch, ...]:
    """Matches without repetitions, smallest first; what each is minimal for is united."""
    found: dict[Match, SimpleMatch] = {}
    for simple in matches:
        twin = found.get(simple.match)
        found[simple.match] = (
            simple
            if twin is None
            else replace(
                twin,
                minimal_for=twin.minimal_for | simple.minimal_for,
                minimum_for=twin.minimum_for | simple.minimum_for,
                certified=twin.certified and simple.certified,
            )
        )
    return tuple(
        sorted(found.values(), key=lambda s: (s.size, s.match.x.tolist(), s.match.y.tolist()))
    )
