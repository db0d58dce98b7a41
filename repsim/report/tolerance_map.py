"""Figure: how much of each layer is matched at which ε, as one map of depth × ε."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from repsim.drawing import (
    ACCENT,
    INK,
    MUTED,
    PAPER,
    HouseFigure,
    layer_axis,
    new_figure,
    size_of,
    width_for,
)
from repsim.report.drawing import Drawing
from repsim.report.phrasing import listing, near, tolerance
from repsim.report.summary import CURVE_EPSILONS, Floats, Summary, over_pairs
from repsim.report.unrelated import unrelated_from, unrelated_words

_LEVELS = 20
_DARKEST = 0.8


def draw(summary: Summary) -> Drawing | None:
    """The figure, or None where there is no map to draw: no curves, or a single layer."""
    if not summary.has_curves or len(summary.layers) < 2:
        return None
    mean, _, _ = over_pairs(summary.curves)
    figure = new_figure(width_for(len(summary.layers)), 2.9)
    inches, height = size_of(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_ylim(0, 1)
    axes.set_ylabel("ε")
    axes.set_xlabel("Layer, by depth", labelpad=6)
    layer_axis(axes, summary.names, inches=inches)
    for epsilon in summary.epsilons:
        axes.axhline(epsilon, color=MUTED, linewidth=0.5, linestyle=(0, (2, 2)), zorder=0.5)
    for place in range(len(summary.layers)):
        _column(axes, place, mean[place])
    half = np.array([_reached(curve, 0.5) for curve in mean])
    axes.plot(
        np.arange(half.size),
        half,
        linestyle="none",
        marker="D",
        markersize=4.5,
        markerfacecolor=PAPER,
        markeredgecolor=INK,
        markeredgewidth=0.8,
        clip_on=False,
        zorder=4,
    )
    _key(figure, inches, height)
    return Drawing(
        name="tolerance-map",
        title="The tolerance each layer needs",
        finding=_finding(summary, half),
        reading=(
            "Colour is the share of a layer’s neurons in the maximum match"
            f"{' (mean over pairs)' if len(summary.pairs) > 1 else ''}, "
            "diamonds where it passes one half, dashed rules the ε of the study. Where an "
            "edge is sharp, many neurons enter the match at once."
        ),
        figure=figure,
    )


def _reached(curve: Floats, share: float) -> float:
    above = np.flatnonzero(curve >= share - 1e-9)
    return float(CURVE_EPSILONS[above[0]]) if above.size else float("nan")


def _layer_alpha(level: int) -> float:
    """Opacity of one more sheet, such that stacked sheets darken in equal steps."""
    return 1 - (1 - _DARKEST * level / _LEVELS) / (1 - _DARKEST * (level - 1) / _LEVELS)


def _column(axes: Axes, place: int, curve: Floats) -> None:
    """Sheets from each level's epsilon to the top: overlapping, so no seam shows between them."""
    clear: dict[float, float] = {}  # Epsilon to what the sheets that begin there let through.
    for level in range(1, _LEVELS + 1):
        start = _reached(curve, level / _LEVELS)
        if np.isfinite(start):
            clear[start] = clear.get(start, 1.0) * (1 - _layer_alpha(level))
    for start, through in sorted(clear.items()):
        axes.add_patch(
            Rectangle((place - 0.46, start), 0.92, 1 - start, color=ACCENT, alpha=1 - through, lw=0)
        )


def _key(figure: HouseFigure, inches: float, height: float) -> None:
    width = 1.3 / inches
    axes = figure.add_axes((1 - width, 1 + 0.17 / height, width, 0.1 / height))
    axes.set(xlim=(0, 1), ylim=(0, 1), yticks=[], xticks=[])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for level in range(1, _LEVELS + 1):
        start = (level - 1) / _LEVELS
        axes.add_patch(
            Rectangle((start, 0), 1 - start, 1, color=ACCENT, alpha=_layer_alpha(level), lw=0)
        )
    axes.text(-0.03, 0.5, "share matched  0", ha="right", va="center", color=MUTED)
    axes.text(1.03, 0.5, "1", ha="left", va="center", color=MUTED)


def _finding(summary: Summary, half: Floats) -> str:
    several = len(summary.pairs) > 1
    reached = np.isfinite(half)
    if not reached.any():
        mean = ", as a mean over pairs" if several else ""
        return f"In no layer are half of the neurons ever in the match{mean}."
    first, last = float(np.nanmin(half)), float(np.nanmax(half))
    words = (
        f"{'As a mean over pairs, half' if several else 'Half'} of the neurons match from about "
        f"{_from(summary, half, first)}"
    )
    if near(first) != near(last):
        words += f", but only from about {_from(summary, half, last)}"
    never = int((~reached).sum())
    if never:
        words += f"; in {never} of {len(half)} layers half is never reached"
    if all(epsilon < first for epsilon in summary.epsilons):
        words += f". No ε of the study (up to {tolerance(summary.epsilons[-1])}) reaches half"
    return f"{words}."


def _from(summary: Summary, half: Floats, wanted: float) -> str:
    """The ε, the layers that reach half there, and whether unrelated neurons would, too."""
    centred = summary.centred
    places = [i for i, at in enumerate(half) if np.isfinite(at) and near(at) == near(wanted)]
    # Of several layers the one at which most is needed: there the clause is hardest to meet.
    last = max(places, key=lambda place: unrelated_from(summary.layers[place], centred=centred))
    names = [summary.names[place] for place in places]
    return (
        f"ε = {near(wanted)} on at {listing(names)}"
        f"{unrelated_words(summary, last, float(half[last]))}"
    )
