"""Figure: each measure against depth, with what chance gives and how much examples change it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from repsim.drawing import ACCENT, MUTED, PAPER
from repsim.report.drawing import Drawing
from repsim.report.measure_layers import Kind, MeasureLayers, leading
from repsim.report.nulls import PERMUTED, QUESTIONS, tension
from repsim.report.panels import number_layers, small_multiples
from repsim.report.summary import Summary, over_pairs

__all__ = ["draw_measures"]


def draw_measures(summary: Summary, measures: Sequence[MeasureLayers]) -> Drawing | None:
    """The figure, or None where there is nothing but the match at one ε."""
    if len(measures) < 2:
        return None
    panels = small_multiples(
        _names(measures), across="Layer, by depth (counted from 1)", along="Value"
    )
    depth = np.arange(1, len(summary.layers) + 1)
    several = len(summary.pairs) > 1
    first = leading(measures)
    shared = [
        _draw_one(axes, measure, depth, several=several, first=first)
        for axes, measure in zip(panels.axes, measures, strict=True)
    ]
    for place in range(len(measures)):
        # A panel without numbers is read by those of its neighbour.
        panels.finish(place, own_scale=not all(shared))
    return Drawing(
        name="measures-by-depth",
        title="Each measure against depth",
        finding=tension(summary, measures, first),
        reading=_reading(measures, first, several=several),
        figure=panels.figure,
    )


def _reading(measures: Sequence[MeasureLayers], first: Kind, *, several: bool) -> str:
    sentences = ["The blue line is the one pair."]
    if several:
        sentences = ["Means over pairs; blue bands run from the lowest to the highest pair."]
    if any(one.with_intervals.corrected.any() for one in measures):
        sentences.append(
            "Filled points are corrected for the number of examples, with their intervals over "
            "examples; open points are as computed, to be compared with the grey."
        )
    if any(one.nulls[first].known for one in measures):
        sentences.append(
            f"Grey: mean and range over {'pairs and ' if several else ''}{PERMUTED[first]}, which "
            f"ask {QUESTIONS[first]}."
        )
    if first == "within" and any(one.nulls["plain"].known for one in measures):
        sentences.append(
            f"Dashed: the mean over {PERMUTED['plain']}, which ask only {QUESTIONS['plain']}."
        )
    return " ".join(sentences)


def _draw_one(
    axes: Axes, measure: MeasureLayers, depth: np.ndarray, *, several: bool, first: Kind
) -> bool:
    """Draw one panel; whether its scale is the one from 0 to 1 that most share."""
    shown = measure.with_intervals
    mean, low, high = over_pairs(shown.points)
    null = measure.nulls[first]
    floor, ceiling = over_pairs(null.low)[1], over_pairs(null.high)[2]
    plain = over_pairs(measure.nulls["plain"].mean)[0]
    axes.fill_between(depth, floor, ceiling, color=MUTED, alpha=0.3, linewidth=0.8)
    axes.plot(depth, over_pairs(null.mean)[0], color=MUTED, linewidth=1.0)
    if first == "within":
        axes.plot(depth, plain, color=MUTED, linewidth=0.9, linestyle=(0, (3, 2)))
    if several:
        axes.fill_between(depth, low, high, color=ACCENT, alpha=0.14, linewidth=0)
    axes.vlines(depth, shown.low, shown.high, color=ACCENT, linewidth=1.1)
    axes.plot(depth, mean, color=ACCENT, linewidth=1.4)
    any_corrected = bool(shown.corrected.any())
    _points(axes, depth, measure.mean, filled=not any_corrected)
    if any_corrected:
        _points(axes, depth, np.where(shown.corrected, mean, np.nan), filled=True)
    drawn = np.concatenate((mean, measure.mean, low, high, shown.low, shown.high, floor, ceiling))
    shared = bool(np.nanmin(drawn) >= 0 and np.nanmax(drawn) <= 1)
    if shared:
        axes.set_ylim(-0.03, 1.03)
    number_layers(axes, len(depth))
    return shared


def _points(axes: Axes, depth: np.ndarray, values: np.ndarray, *, filled: bool) -> None:
    axes.plot(
        depth,
        values,
        linestyle="none",
        marker="o",
        markersize=3.4,
        markerfacecolor=ACCENT if filled else PAPER,
        markeredgecolor=ACCENT,
        markeredgewidth=0.9,
        zorder=4 if filled else 3,
    )


def _names(measures: Sequence[MeasureLayers]) -> list[str]:
    """Short names, with the convention where two would be the same."""
    short = [measure.name for measure in measures]
    return [
        measure.convention if short.count(measure.name) > 1 else measure.name
        for measure in measures
    ]
