"""Figure: maximum match similarity of each layer, in the order of depth, one curve per ε."""

import numpy as np
from matplotlib.figure import Figure

from repsim.report.answer import SAME, course
from repsim.report.drawing import (
    PAPER,
    Drawing,
    colours_of,
    label_curves,
    layer_axis,
    width_for,
)
from repsim.report.phrasing import code, count, number, tolerance
from repsim.report.summary import Floats, Summary, over_pairs


def draw(summary: Summary) -> Drawing | None:
    """The figure, or None where no similarity is known."""
    if not np.isfinite(summary.similarity).any():
        return None
    mean, low, high = over_pairs(summary.similarity)
    layers = len(summary.layers)
    inches = width_for(layers)
    figure = Figure(figsize=(inches, 3.1))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_ylim(-0.02, 1.02)
    axes.set_ylabel("Maximum match similarity")
    axes.set_xlabel("Layer, by depth", labelpad=6)
    layer_axis(axes, summary.names, inches=inches)

    depth = np.arange(layers)
    several = len(summary.pairs) > 1
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
        axes.plot(
            depth,
            values,
            color=colour,
            linewidth=1.6,
            marker="o",
            markersize=5 if layers <= 25 else 3.2,
            markeredgecolor=PAPER,
            markeredgewidth=0.7,
            zorder=3 + place / 100,
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
    return Drawing(
        name="similarity-by-depth",
        title="Similarity against depth",
        finding=_finding(summary, mean),
        reading=f"Share of both networks’ neurons in the maximum match, for each ε. {spread}",
        figure=figure,
    )


def _finding(summary: Summary, mean: Floats) -> str:
    known = [i for i in range(len(summary.epsilons)) if np.isfinite(mean[:, i]).any()]
    strict, tolerant = known[0], known[-1]
    epsilons = tolerance(summary.epsilons[strict]), tolerance(summary.epsilons[tolerant])
    if strict == tolerant:
        if np.isfinite(mean[:, strict]).sum() > 1:
            return f"Similarity at ε = {epsilons[0]} {course(mean[:, strict], summary.names)}."
        layer = int(np.nanargmax(mean[:, strict]))
        return (
            f"{code(summary.names[layer])} reaches {number(mean[layer, strict])} "
            f"at ε = {epsilons[0]}."
        )
    rise = mean[:, tolerant] - mean[:, strict]
    if not np.isfinite(rise).any():
        return f"No layer has results at both ε = {epsilons[0]} and ε = {epsilons[1]}."
    most, least = int(np.nanargmax(rise)), int(np.nanargmin(rise))
    if rise[most] < SAME:
        return f"No layer matches more at ε = {epsilons[1]} than at ε = {epsilons[0]}."
    words = (
        f"The tolerance decides most at {code(summary.names[most])}: "
        f"{number(mean[most, strict])} at ε = {epsilons[0]}, "
        f"{number(mean[most, tolerant])} at ε = {epsilons[1]}"
    )
    if np.isfinite(rise).sum() < 2:
        return f"{words}."
    return (
        f"{words}; least at {code(summary.names[least])} "
        f"({number(mean[least, strict])} to {number(mean[least, tolerant])})."
    )
