"""Figure: how large the simple matches of each layer are, one histogram per layer and ε.

After the second figure of Wang et al. 2018. Sizes run from two neurons to all of both layers, so
the bins widen (by steps of 1, 2 and 5) and are the same in every panel; bars count neurons, not
densities, and the first bin holds exactly the matches that are called small.
"""

import itertools

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from repsim.drawing import GRID, MUTED, PAPER, colours_of
from repsim.report.drawing import Drawing
from repsim.report.panels import small_multiples
from repsim.report.phrasing import tolerance
from repsim.report.simple_layers import SMALL, SimpleLayer
from repsim.report.simple_words import sizes_found
from repsim.report.summary import Floats, Summary

# Inches that a tick label of 8 points takes: each of its characters, and around it.
_DIGIT, _MARGIN = 0.075, 0.06


def draw(summary: Summary) -> Drawing | None:
    """The figure, or None where there is no simple match."""
    epsilons = sorted({simple.epsilon for simple in summary.simple if simple.match_sizes.size})
    if not epsilons:
        return None
    colours = colours_of(summary.tolerances)
    layers = {
        name: list(group) for name, group in itertools.groupby(summary.simple, lambda s: s.layer)
    }
    bounds = size_bounds(max(_largest(layer) for layer in summary.simple))
    top = _rounded_up(max(float(shares(layer, bounds).max()) for layer in summary.simple))
    panels = small_multiples(
        tuple(layers), across="Neurons in the minimal match", along="Share of the layer’s neurons"
    )
    for place, (axes, found) in enumerate(zip(panels.axes, layers.values(), strict=True)):
        _scale(axes, bounds, top, panels.inches)
        reach = int(np.searchsorted(bounds, max(map(_largest, found)))) + 1
        axes.axvspan(reach, len(bounds), color=GRID, alpha=0.4, lw=0)
        for simple in found:
            _bars(axes, simple, bounds, epsilons, colours[simple.epsilon])
        if not any(simple.match_sizes.size for simple in found):
            axes.text(reach / 2, 0.25 * top, "no match", color=MUTED, ha="center", va="center")
        panels.finish(place)
    panels.figure.legend(
        handles=[Patch(color=colours[epsilon], lw=0) for epsilon in epsilons],
        labels=[f"ε = {tolerance(epsilon)}" for epsilon in epsilons],
        loc="lower left",
        bbox_to_anchor=(0, 1 + 0.06 / panels.height),
        ncols=6,
        frameon=False,
        borderaxespad=0,
        borderpad=0,
        handlelength=0.9,
        handleheight=0.9,
    )
    without = sorted({simple.epsilon for simple in summary.simple} - set(epsilons))
    empty = f" No layer has a match at ε = {', '.join(map(tolerance, without))}." if without else ""
    beyond = (
        " Grey: sizes that the layer cannot have."
        if len(set(map(_largest, summary.simple))) > 1
        else ""
    )
    return Drawing(
        name="simple-match-sizes",
        title="Sizes of simple matches",
        finding=sizes_found(summary.simple),
        reading=(
            "Each matched neuron of every pair is counted once, at the number of neurons (of both "
            f"networks) in its minimal match: the first bars are sizes up to {bounds[0]}, and each "
            "bin ends with the size at its right. The bars of an ε add up to the share of neurons "
            "that match there, over all pairs. "
            f"Diamonds are medians.{beyond}{empty}"
        ),
        figure=panels.figure,
    )


def size_bounds(largest: int) -> tuple[int, ...]:
    """The last size of each bin: 5, 10, 20, 50, 100 ... and at last the largest size there is.

    >>> size_bounds(128)
    (5, 10, 20, 50, 100, 128)
    """
    bounds = (SMALL * step * 10**power for power in itertools.count() for step in (1, 2, 4))
    return (*itertools.takewhile(lambda bound: bound < largest, bounds), largest)


def shares(layer: SimpleLayer, bounds: tuple[int, ...]) -> Floats:
    """Share of all neurons of the layer whose minimal match has a size in each bin."""
    places = np.searchsorted(bounds, layer.neuron_sizes, side="left")
    return np.bincount(places, minlength=len(bounds)) / max(int(layer.neurons.sum()), 1)


def _largest(layer: SimpleLayer) -> int:
    """The largest size that a match of the layer can have."""
    return max(int(layer.neurons.max()), int(layer.match_sizes.max(initial=SMALL)))


def _bars(
    axes: Axes, layer: SimpleLayer, bounds: tuple[int, ...], epsilons: list[float], colour: str
) -> None:
    if not layer.neuron_sizes.size:
        return
    width = 0.84 / len(epsilons)
    left = np.arange(len(bounds)) + 0.08 + epsilons.index(layer.epsilon) * width
    axes.bar(left, shares(layer, bounds), width, align="edge", color=colour, lw=0)
    axes.plot(
        _position(float(np.median(layer.neuron_sizes)), bounds),
        0,
        marker="D",
        markersize=5,
        markerfacecolor=colour,
        markeredgecolor=PAPER,
        markeredgewidth=0.9,
        clip_on=False,
        zorder=5,
    )


def _position(size: float, bounds: tuple[int, ...]) -> float:
    """Where a size stands on the axis: bins are equally wide, inside them it is logarithmic."""
    place = int(np.searchsorted(bounds, size, side="left"))
    low = bounds[place - 1] if place else 1
    return place + float(np.log(size / low) / np.log(bounds[place] / low))


def _scale(axes: Axes, bounds: tuple[int, ...], top: float, inches: float) -> None:
    bins = len(bounds)
    axes.set_xlim(0, bins)
    axes.set_ylim(0, 1.03 * top)
    label = (_DIGIT * len(str(bounds[-1])) + _MARGIN) * bins / inches  # In bins.
    step = int(np.ceil(label))
    # The last label ends at the axis, else it would meet the next panel.
    shown = {i for i in range(0, bins, step) if bins - 1 - i >= 1.5 * label} | {bins - 1}
    axes.set_xticks(
        range(1, bins + 1), [str(b) if i in shown else "" for i, b in enumerate(bounds)]
    )
    axes.get_xticklabels()[-1].set_horizontalalignment("right")
    levels = (0, top / 2, top)
    axes.set_yticks(levels, [f"{level:g}".replace("0.", ".") for level in levels])
    axes.grid(visible=False, axis="x")


def _rounded_up(share: float) -> float:
    return next(top for top in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0) if share <= top + 1e-9)
