"""Pictures of one pair of layers: its match curve, and its simple matches."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, Int64
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from repsim.drawing import ACCENT, CATEGORICAL, GRID, INK, MUTED, PAPER

if TYPE_CHECKING:
    from repsim.matching.profile import MatchProfile
    from repsim.matching.simple_match import SimpleMatches

__all__ = ["draw_match_curve", "draw_simple_matches"]

# Matches that have their size beside them: more labels would meet.
MOST_LABELLED = 24


def draw_match_curve(axes: Axes, profile: "MatchProfile") -> None:
    """Share of the neurons in the maximum match at every ε: of each layer, and of both."""
    both = np.concatenate((profile.critical_x, profile.critical_y))
    axes.step(*_steps(profile.critical_x), where="post", color=CATEGORICAL[0], lw=1, label="X")
    axes.step(*_steps(profile.critical_y), where="post", color=CATEGORICAL[1], lw=1, label="Y")
    label = f"both, area {profile.area():.2f}"
    axes.step(*_steps(both), where="post", color=INK, linewidth=1.6, label=label)
    axes.set(xlim=(0, 1), ylim=(-0.02, 1.02), xlabel="ε")
    axes.set_ylabel("Share of neurons in the maximum match")
    axes.legend(loc="lower right", frameon=False)


def _steps(
    critical: Float64[np.ndarray, " n"],
) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
    """The ε at which the share rises, and to what; dead neurons are in no match."""
    levels, counts = np.unique(critical[~np.isnan(critical)], return_counts=True)
    shares = np.concatenate(([0.0], np.cumsum(counts) / max(len(critical), 1)))
    return np.concatenate(([0.0], levels, [1.0])), np.concatenate((shares, shares[-1:]))


def draw_simple_matches(axes: Axes, found: "SimpleMatches") -> None:
    """A row for each simple match, a column for each neuron that matches."""
    matched = found.whole.size
    words = f"{matched} of {found.p + found.q} neurons match at ε = {found.eps:.4g}"
    axes.set_title(words, loc="left", fontsize=8)
    axes.grid(visible=False)
    if not found.matches:
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, "no match", color=MUTED, ha="center", va="center")
        return
    halves = [_members(found, side) for side in ("x", "y")]
    cells = np.concatenate(halves, axis=1)
    colours = ListedColormap([PAPER, "#9dbfd3", ACCENT])
    axes.imshow(cells, cmap=colours, vmin=0, vmax=2, aspect="auto", interpolation="nearest")
    split, width = halves[0].shape[1], cells.shape[1]
    axes.axvline(split - 0.5, color=INK, linewidth=0.8)
    middles = [(split - 1) / 2, split + (width - split - 1) / 2]
    axes.set_xticks(middles, [f"{split} neurons of X", f"{width - split} neurons of Y"])
    rows = range(len(found))
    if len(found) <= MOST_LABELLED:
        axes.set_yticks(rows, [str(simple.size) for simple in found.matches])
    else:
        places = np.unique(np.linspace(0, len(found) - 1, 6).astype(int))
        axes.set_yticks(places, [str(found.matches[place].size) for place in places])
    axes.set_ylabel("Size of the simple match")
    for edge in rows[1:] if len(found) <= MOST_LABELLED else ():
        axes.axhline(edge - 0.5, color=GRID, linewidth=0.6)


def _members(found: "SimpleMatches", side: str) -> Int64[np.ndarray, "matches m"]:
    """2 where a match is minimal for a neuron, 1 where it contains it; by the first that does."""
    width = found.p if side == "x" else found.q
    cells = np.zeros((len(found), width), dtype=np.int64)
    for place, simple in enumerate(found.matches):
        cells[place, getattr(simple.match, side)] = 1
        cells[place, getattr(simple.minimal_for, side)] = 2
    inside = np.flatnonzero(cells.any(axis=0))
    first = cells[:, inside].argmax(axis=0)  # the match that is minimal for it
    return cells[:, inside[np.argsort(first, kind="stable")]]
