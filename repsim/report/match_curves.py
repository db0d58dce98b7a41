"""Figure: the whole match curve of each layer, one small panel per layer."""

import numpy as np
from matplotlib.axes import Axes

from repsim.report.drawing import INK, MUTED, Drawing, colours_of
from repsim.report.panels import small_multiples
from repsim.report.phrasing import code, count, number
from repsim.report.summary import CURVE_EPSILONS, Floats, Summary, over_pairs

# More lines than this are a blur: then the lowest and highest pair bound a band.
MOST_LINES = 15


def draw(summary: Summary) -> Drawing | None:
    """The figure, or None where no critical epsilon is known."""
    if not summary.has_curves:
        return None
    panels = small_multiples(
        summary.names,
        across="ε",
        along="Share of neurons in the maximum match",
    )
    for place, axes in enumerate(panels.axes):
        _panel(axes, summary, place)
        panels.finish(place)
    pairs = len(summary.pairs)
    if pairs == 1:
        lines = "The line is the one pair"
    elif pairs <= MOST_LINES:
        lines = f"Thick: mean over {count(pairs, 'pair')}; thin: each pair"
    else:
        lines = f"Line: mean over {count(pairs, 'pair')}; band: lowest to highest pair"
    return Drawing(
        name="match-curves",
        title="The match at every ε",
        finding=_finding(summary),
        reading=f"{lines}. Coloured rules and dots mark the ε of the study.",
        figure=panels.figure,
    )


def _panel(axes: Axes, summary: Summary, place: int) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.03, 1.03)
    axes.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
    axes.set_yticks([0, 0.5, 1], ["0", ".5", "1"])
    axes.grid(visible=False, axis="x")
    first, _, last = axes.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")  # Centred, it would meet the 0 of the next panel.
    mean, low, high = over_pairs(summary.curves[:, place])
    palette = colours_of(summary.tolerances)
    colours = [palette[epsilon] for epsilon in summary.epsilons]
    for epsilon, colour in zip(summary.epsilons, colours, strict=True):
        axes.axvline(epsilon, color=colour, linewidth=0.8, alpha=0.45)
    if not np.isfinite(mean).any():
        axes.text(0.5, 0.5, "no result", color=MUTED, ha="center", va="center")
        return
    if 1 < len(summary.pairs) <= MOST_LINES:
        for curve in summary.curves[:, place]:
            axes.plot(*_corners(curve), color=MUTED, linewidth=0.5, alpha=0.55)
    elif len(summary.pairs) > MOST_LINES:
        axes.fill_between(CURVE_EPSILONS, low, high, step="post", color=MUTED, alpha=0.22, lw=0)
    axes.plot(*_corners(mean), color=INK, linewidth=1.3)
    at = np.searchsorted(CURVE_EPSILONS, np.asarray(summary.epsilons) + 1e-9, side="right") - 1
    axes.scatter(summary.epsilons, mean[at], s=13, c=colours, linewidths=0, zorder=4, clip_on=False)


def _corners(curve: Floats) -> tuple[Floats, Floats]:
    """The step curve without the points inside its level and straight stretches."""
    if not np.isfinite(curve).all():
        return CURVE_EPSILONS, curve
    bend = np.ones(curve.size, dtype=bool)
    bend[1:-1] = np.abs(np.diff(curve, 2)) > 1e-12
    return CURVE_EPSILONS[bend], curve[bend]


def _finding(summary: Summary) -> str:
    size, _, _ = over_pairs(summary.jump.size)
    epsilon, _, _ = over_pairs(summary.jump.epsilon)
    if not np.isfinite(size).any():
        return "No neuron of any layer enters the match below ε = 1."
    most = int(np.nanargmax(size))
    smoothest = int(np.nanargmin(size))
    words = (
        f"The steepest rise is at {code(summary.names[most])}: {number(size[most])} of the neurons "
        f"enter the match at once, near ε = {number(epsilon[most])}"
    )
    if most == smoothest:
        return f"{words}."
    return (
        f"{words}; the smoothest curve is that of {code(summary.names[smoothest])}, "
        f"whose largest step is {number(size[smoothest])}."
    )
