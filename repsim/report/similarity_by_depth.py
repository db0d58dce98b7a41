"""Figure: maximum match similarity of each layer, in the order of depth, one curve per ε."""

import numpy as np

from repsim.drawing import (
    PAPER,
    colours_of,
    label_curves,
    layer_axis,
    new_figure,
    size_of,
    width_for,
)
from repsim.report.course import course
from repsim.report.drawing import Drawing
from repsim.report.intervals import with_intervals
from repsim.report.phrasing import code, listing, number, tolerance
from repsim.report.summary import Floats, Summary, over_pairs
from repsim.text import count


def draw(summary: Summary) -> Drawing | None:
    """The figure, or None where no similarity is known."""
    if not np.isfinite(summary.similarity).any():
        return None
    shown = with_intervals(
        summary.similarity, summary.corrected, summary.interval_low, summary.interval_high
    )
    mean, low, high = over_pairs(shown.points)
    layers = len(summary.layers)
    figure = new_figure(width_for(layers), 3.1)
    inches = size_of(figure)[0]
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_ylim(-0.02, 1.02)
    axes.set_ylabel("Maximum match similarity")
    axes.set_xlabel("Layer, by depth", labelpad=6)
    layer_axis(axes, summary.names, inches=inches)

    depth = np.arange(layers)
    several = len(summary.pairs) > 1
    any_corrected = bool(shown.corrected.any())
    ends = {}
    colours = colours_of(summary.tolerances)
    for place, epsilon in enumerate(summary.epsilons):
        colour = colours[epsilon]
        values = mean[:, place]
        if not np.isfinite(values).any():
            continue
        if several and layers > 1:
            axes.fill_between(
                depth, low[:, place], high[:, place], color=colour, alpha=0.14, linewidth=0
            )
        elif several:
            axes.vlines(depth, low[:, place], high[:, place], color=colour, alpha=0.35, linewidth=5)
        axes.vlines(
            depth + _aside(place, len(summary.epsilons)),
            *(shown.low[:, place], shown.high[:, place]),
            color=colour,
            linewidth=1.1,
        )
        axes.plot(depth, values, color=colour, linewidth=1.6, zorder=3 + place / 100)
        solid = shown.corrected[:, place] | np.full(layers, not any_corrected)
        for filled in (True, False):
            axes.plot(
                depth,
                np.where(solid == filled, values, np.nan),
                linestyle="none",
                color=colour,
                marker="o",
                markersize=5 if layers <= 25 else 3.2,
                markerfacecolor=colour if filled else PAPER,
                markeredgecolor=PAPER if filled else colour,
                markeredgewidth=0.7,
                zorder=3.005 + place / 100,
            )
        ends[epsilon] = float(values[np.isfinite(values)][-1])
    axes.set_xlim(right=layers - 0.5 if layers == 1 else layers - 0.8)
    label_curves(axes, colours, ends)

    spread = (
        f"Lines are means over {count(len(summary.pairs), 'pair')}, bands run from the lowest to "
        "the highest pair."
        if several
        else "There is one pair, so there is no spread to show."
    )
    if any_corrected:
        spread += (
            " Values are corrected for the number of examples; upright bars are their intervals "
            f"over examples{', with ends that are means over pairs' if several else ''}."
        )
        if not shown.corrected[np.isfinite(mean)].all():
            spread += " Open points have no interval and are as computed."
    return Drawing(
        name="similarity-by-depth",
        title="Similarity against depth",
        finding=_finding(summary, mean),
        reading=f"Share of both networks’ neurons in the maximum match, for each ε. {spread}",
        figure=figure,
    )


def _aside(place: int, epsilons: int) -> float:
    """How far right of its layer the bar of an ε stands, so that bars do not cover each other."""
    return 0.06 * (place - (epsilons - 1) / 2) if epsilons <= 8 else 0.0


def _finding(summary: Summary, mean: Floats) -> str:
    known = [i for i in range(len(summary.epsilons)) if np.isfinite(mean[:, i]).any()]
    strict, tolerant = known[0], known[-1]
    epsilons = tolerance(summary.epsilons[strict]), tolerance(summary.epsilons[tolerant])
    whose = "the mean similarity over pairs" if len(summary.pairs) > 1 else "similarity"
    if strict == tolerant:
        if np.isfinite(mean[:, strict]).sum() > 1:
            return f"At ε = {epsilons[0]} {whose} {course(mean[:, strict], summary.names)}."
        layer = int(np.nanargmax(mean[:, strict]))
        return (
            f"At ε = {epsilons[0]} {whose} of {code(summary.names[layer])} is "
            f"{number(mean[layer, strict])}."
        )
    rise = mean[:, tolerant] - mean[:, strict]
    if not np.isfinite(rise).any():
        return f"No layer has results at both ε = {epsilons[0]} and ε = {epsilons[1]}."
    most, least = float(np.nanmax(rise)), float(np.nanmin(rise))
    if abs(most) < 1e-9 and abs(least) < 1e-9:
        return f"No layer matches more at ε = {epsilons[1]} than at ε = {epsilons[0]}."
    words = (
        f"From ε = {epsilons[0]} to ε = {epsilons[1]} {whose} rises most at "
        f"{_at_which(rise, most, mean[:, [strict, tolerant]], summary.names)}"
    )
    if np.isfinite(rise).sum() < 2 or number(most) == number(least):
        return f"{words}."
    least_at = _at_which(rise, least, mean[:, [strict, tolerant]], summary.names)
    return f"{words}, and least at {least_at}."


def _at_which(rise: Floats, wanted: float, ends: Floats, names: tuple[str, ...]) -> str:
    """The layers that rise by as much, in print, and from where to where if it is one."""
    layers = [i for i, by in enumerate(rise) if np.isfinite(by) and number(by) == number(wanted)]
    named = listing([names[i] for i in layers])
    if len(layers) > 1:
        return f"{named} (by {number(wanted)})"
    first, last = ends[layers[0]]
    return f"{named} ({number(first)} to {number(last)})"
