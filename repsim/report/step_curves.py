"""Figures: similarity against training step, a line for each layer."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from repsim.drawing import name_steps, shortened, step_scale, thinned
from repsim.report.drawing import Drawing
from repsim.report.over_training import (
    MOST_PANELS,
    Development,
    OverTraining,
    development_words,
)
from repsim.report.panels import small_multiples
from repsim.text import count

__all__ = ["draw_between_by_step", "draw_with_final"]

_MOST_NAMED = 12


def draw_with_final(one: OverTraining) -> Drawing | None:
    """Similarity of snapshots to the network that they became."""
    return _draw(
        one,
        one.with_final,
        name="similarity-over-training",
        title="Similarity to the trained network",
        noun="network",
        reading="Each layer at each snapshot with the same layer of the same network when trained",
    )


def draw_between_by_step(one: OverTraining) -> Drawing | None:
    """Similarity of two networks at the same snapshot."""
    return _draw(
        one,
        one.between,
        name="similarity-between-networks-over-training",
        title="Similarity between networks over training",
        noun="pair",
        reading="Each layer of two networks at the same snapshot, and when they are trained",
    )


def _draw(
    one: OverTraining,
    found: Sequence[Development],
    *,
    name: str,
    title: str,
    noun: str,
    reading: str,
) -> Drawing | None:
    shown = found[:MOST_PANELS]
    if not shown or max(len(of.steps) for of in shown) < 2:
        return None
    panels = small_multiples(
        [shortened(of.name, 40) or one.measure for of in shown],
        across="Step",
        along=one.measure,
    )
    for place, (axes, of) in enumerate(zip(panels.axes, shown, strict=True)):
        _curves(axes, of, named=place == len(shown) - 1)
        panels.finish(place, own_scale=False)
    most = max(of.pairs for of in shown)
    over = f"as a mean over at most {count(most, noun)}" if most > 1 else f"of one {noun}"
    return Drawing(
        name=name,
        title=title,
        finding=development_words(shown),
        reading=(
            f"{reading}, {over}; "
            "colours run from the first layer, dark, to the last. Steps are on a logarithmic "
            "axis, apart from 0."
        ),
        figure=panels.figure,
    )


def _curves(axes: Axes, of: Development, *, named: bool) -> None:
    depth = max(1, len(of.layers) - 1)
    names = thinned(len(of.layers), _MOST_NAMED)
    for place, layer in enumerate(of.layers):
        axes.plot(
            of.steps,
            of.mean[:, place],
            color=to_hex(mpl.colormaps["viridis"](0.9 * place / depth)),
            marker="o",
            markersize=2.6,
            linewidth=1.2,
            label=shortened(layer, 26) if place in names else None,
        )
    step_scale(axes, of.steps)
    name_steps(axes, of.steps, of.steps)
    axes.set_ylim(min(-0.03, np.nanmin(of.mean) - 0.03), 1.03)
    if named:
        axes.legend(
            loc="upper left",
            bbox_to_anchor=(1.03, 1.0),
            frameon=False,
            borderaxespad=0,
            handlelength=1.4,
        )
