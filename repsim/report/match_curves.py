"""Figure: the whole match curve of each layer, one small panel per layer."""

import numpy as np
from matplotlib.axes import Axes

from repsim.drawing import ACCENT, INK, MUTED, colours_of
from repsim.report.drawing import Drawing
from repsim.report.jumps import largest_rise
from repsim.report.panels import small_multiples
from repsim.report.summary import CURVE_EPSILONS, Floats, Summary, over_pairs
from repsim.text import count

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
        reading=f"{lines}.{_band(summary)} Coloured rules and dots mark the ε of the study.",
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
    ends = _interval(summary, place)
    if ends is not None:
        axes.fill_between(CURVE_EPSILONS, *ends, step="post", color=ACCENT, alpha=0.25, lw=0)
    axes.plot(*_corners(mean), color=INK, linewidth=1.3)
    marks, _, _ = over_pairs(summary.similarity[:, place])
    axes.scatter(summary.epsilons, marks, s=13, c=colours, linewidths=0, zorder=4, clip_on=False)


def _interval(summary: Summary, place: int) -> tuple[Floats, Floats] | None:
    """Mean ends of the intervals over examples, where each pair that has a curve has one."""
    known = np.isfinite(summary.curves[:, place])
    low, high = summary.curves_low[:, place], summary.curves_high[:, place]
    if not known.any() or not np.isfinite(low[known]).all():
        return None
    return over_pairs(low)[0], over_pairs(high)[0]


def _band(summary: Summary) -> str:
    """What the band of intervals is, if any layer has one."""
    if all(_interval(summary, place) is None for place in range(len(summary.layers))):
        return ""
    several = " (means over pairs of its ends)" if len(summary.pairs) > 1 else ""
    return (
        f" Blue band: the interval over examples{several}, from the intervals of the critical ε "
        "of the neurons."
    )


def _corners(curve: Floats) -> tuple[Floats, Floats]:
    """The step curve without the points inside its level and straight stretches."""
    if not np.isfinite(curve).all():
        return CURVE_EPSILONS, curve
    bend = np.ones(curve.size, dtype=bool)
    bend[1:-1] = np.abs(np.diff(curve, 2)) > 1e-12
    return CURVE_EPSILONS[bend], curve[bend]


def _finding(summary: Summary) -> str:
    size = summary.jump.size
    if not np.isfinite(size).any():
        return "No neuron of any layer enters the match below ε = 1."
    return f"The largest single rise is {largest_rise(summary)}."
