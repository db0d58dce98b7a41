"""Figure: similarity within variants against a key that was swept."""

import re

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, NullLocator

from repsim.drawing import CATEGORICAL, INK, MUTED, PAPER, new_figure, shortened, thinned
from repsim.report.drawing import Drawing
from repsim.report.groups import Groups
from repsim.report.summary import Floats
from repsim.report.sweeps import Sweep, sweep_words
from repsim.text import count

__all__ = ["draw_sweep"]

_MOST_NUMBERED = 9


def draw_sweep(groups: Groups, sweep: Sweep) -> Drawing:
    """The figure."""
    trend = sweep.trend
    figure = new_figure(5.4, 3.1)
    axes = figure.add_axes((0, 0, 1, 1))
    values, place_of = np.unique(trend.x, return_inverse=True)
    several = len(values) < len(trend.x)
    for colour, layer in zip(CATEGORICAL, _chosen(trend.layers), strict=False):
        name = shortened(groups.layers[layer], 30)
        _curve(axes, values, _by_value(trend.layers[:, layer], place_of), colour, name, 1.2)
    if len(groups.layers) > 1:
        _curve(axes, values, _by_value(trend.mean, place_of), INK, "mean over layers", 2.0)
    if several:
        axes.scatter(trend.x, trend.mean, s=11, facecolor=PAPER, edgecolor=MUTED, linewidth=0.8)
    else:
        order = np.argsort(trend.x)
        low, high = trend.mean - trend.deviation, trend.mean + trend.deviation
        axes.fill_between(values, low[order], high[order], color=INK, alpha=0.1, linewidth=0)
    _scale(axes, values, logarithmic=sweep.logarithmic)
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel(sweep.key)
    axes.set_ylabel(trend.measure.name)
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(1.02, 1.0),
        frameon=False,
        borderaxespad=0,
        handlelength=1.6,
    )
    spread = (
        f"Open points are the {count(len(trend.x), 'variant')}, as means over layers; lines are "
        "means over those of a value."
        if several
        else "The band is one standard deviation of the pairs’ means over layers to each side."
    )
    return Drawing(
        name=f"similarity-by-{_file_name(sweep.key)}",
        title=f"Similarity within variants against {sweep.key}",
        finding=sweep_words(sweep),
        reading=(
            "Means over the pairs within a variant, at the first, the middle and the last layer "
            f"and over layers. {spread} p: from permutations of the variants."
        ),
        figure=figure,
    )


def _chosen(layers: Floats) -> list[int]:
    """The first, the middle and the last layer that have a value."""
    known = np.flatnonzero(np.isfinite(layers).any(axis=0)).tolist()
    return sorted({known[0], known[(len(known) - 1) // 2], known[-1]})


def _by_value(values: Floats, place_of: np.ndarray) -> Floats:
    """Mean over the variants of each value of the key, NaN of none."""
    known = np.isfinite(values)
    sums = np.bincount(place_of[known], weights=values[known], minlength=place_of.max() + 1)
    counts = np.bincount(place_of[known], minlength=place_of.max() + 1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _curve(axes: Axes, x: Floats, y: Floats, colour: str, name: str, width: float) -> None:
    axes.plot(x, y, color=colour, linewidth=width, label=name, marker="o", markersize=3.4)


def _scale(axes: Axes, values: Floats, *, logarithmic: bool) -> None:
    """Numbers at the values of the key, of many at some of them."""
    if logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
    numbered = values[thinned(len(values), _MOST_NUMBERED)]
    scaled = np.log(values) if logarithmic else values
    # Where values crowd together, matplotlib's own places on the axis are more legible.
    if logarithmic or np.diff(scaled).min() > 0.06 * np.ptp(scaled):
        axes.set_xticks(numbered, [f"{value:g}" for value in numbered])


def _file_name(key: str) -> str:
    """A key as part of a file's name.

    >>> _file_name("training.learning_rate")
    'training-learning-rate'
    """
    return re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-") or "sweep"
