"""Figure: each measure against depth, a line for each group of pairs."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from repsim.drawing import CATEGORICAL, shortened, size_of
from repsim.report.drawing import Drawing
from repsim.report.groups import GroupMeasure, Groups
from repsim.report.groups_words import highest
from repsim.report.panels import number_layers, small_multiples
from repsim.text import count

__all__ = ["draw_groups"]


def draw_groups(groups: Groups) -> Drawing:
    """The figure."""
    panels = small_multiples(
        [measure.name for measure in groups.measures],
        across="Layer, by depth (counted from 1)",
        along="Value",
    )
    shared = [
        _draw_one(axes, groups, measure)
        for axes, measure in zip(panels.axes, groups.measures, strict=True)
    ]
    for place in range(len(groups.measures)):
        panels.finish(place, own_scale=not all(shared))
    width = size_of(panels.figure)[0]
    labels = [shortened(name, 44) for name in groups.shown.names]
    # A character of 8 points takes 0.075 inches, a line and its gap 0.6.
    columns = max(1, min(len(labels), int(width / (0.6 + 0.075 * max(map(len, labels))))))
    panels.figure.legend(
        handles=[_line(groups, place, [], []) for place in range(len(labels))],
        labels=labels,
        loc="lower left",
        bbox_to_anchor=(-0.01, 1 + 0.06 / panels.height),
        ncols=columns,
        frameon=False,
        borderaxespad=0,
        handlelength=2.4,
    )
    return Drawing(
        name="similarity-by-group",
        title="Similarity in groups",
        finding=highest(groups),
        reading=_reading(groups),
        figure=panels.figure,
    )


def _reading(groups: Groups) -> str:
    shown = groups.shown
    if groups.pooled:
        sizes = " and ".join(
            f"{count(shown.pairs(place), 'pair')} {name}" for place, name in enumerate(shown.names)
        )
        words = (
            f"The {len(groups.each.names)} groups of {len(groups.variants)} variants are pooled: "
            f"{sizes} variants."
        )
    else:
        sizes = ", ".join(
            f"{name}: {count(shown.pairs(place), 'pair')}" for place, name in enumerate(shown.names)
        )
        words = f"{sizes}."
    return (
        "Lines are means over the pairs of a group, solid within a variant and dashed between two; "
        f"bands are one standard deviation of its pairs to each side. {words}"
    )


def _line(groups: Groups, place: int, xs: Sequence[float], ys: Sequence[float]) -> Line2D:
    """A line in the colour and the dashes of a group."""
    style: Literal["-"] | tuple[float, Sequence[float]] = (
        "-" if groups.shown.within[place] else (0, (4, 2))
    )
    return Line2D(xs, ys, color=CATEGORICAL[place], linestyle=style, linewidth=1.4, zorder=3)


def _draw_one(axes: Axes, groups: Groups, measure: GroupMeasure) -> bool:
    """Draw one panel; whether its scale is the one from 0 to 1 that most share."""
    mean, deviation = groups.shown.over_pairs(measure.values)
    layers = len(groups.layers)
    depth = np.arange(1, layers + 1)
    low, high = mean - deviation, mean + deviation
    for place in range(len(groups.shown.names)):
        colour = CATEGORICAL[place]
        if layers > 1:
            axes.fill_between(depth, low[place], high[place], color=colour, alpha=0.13, linewidth=0)
            axes.add_line(_line(groups, place, depth.tolist(), mean[place].tolist()))
        else:
            depth = np.array([1 + 0.12 * (place - (len(mean) - 1) / 2)])
            axes.vlines(depth, low[place], high[place], color=colour, linewidth=1.1)
        axes.plot(
            depth,
            mean[place],
            color=colour,
            linestyle="none",
            marker="o",
            markersize=3.2 if layers <= 25 else 2,
            markeredgewidth=0,
            zorder=4,
        )
    shared = bool(np.nanmin(mean) >= 0 and np.nanmax(mean) <= 1)
    if shared:
        axes.set_ylim(-0.03, 1.03)
    number_layers(axes, layers)
    return shared
