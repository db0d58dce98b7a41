"""Pictures of two models: every layer against every other, or layer by layer."""

from collections.abc import Sequence

import numpy as np

from repsim.drawing import (
    ACCENT,
    HouseFigure,
    layer_axis,
    new_figure,
    shortened,
    thinned,
    width_for,
)
from repsim.report.layer_maps import draw_map, key

__all__ = ["draw_bars", "draw_map_of_layers"]


def draw_map_of_layers(
    values: np.ndarray,
    layers_a: Sequence[str],
    layers_b: Sequence[str],
    models: tuple[str, str],
    measure: str,
) -> HouseFigure:
    """Every layer of one model against every layer of another."""

    side = 0.22
    width, height = (min(max(1.6, side * len(names)), 6.5) for names in (layers_b, layers_a))
    figure = new_figure(width, height)
    axes = figure.add_axes((0, 0, 1, 1))
    draw_map(axes, values, title="")
    for names, set_ticks, rotation in (
        (layers_b, axes.set_xticks, 90),
        (layers_a, axes.set_yticks, 0),
    ):
        places = thinned(len(names), 30)
        set_ticks(places, [shortened(names[at], 30) for at in places], rotation=rotation)
    axes.set_xlabel(models[1])
    axes.set_ylabel(models[0])
    key(figure, measure)
    return figure


def draw_bars(
    values: np.ndarray, layers: Sequence[str], measure: str, models: tuple[str, str]
) -> HouseFigure:
    """For each layer that was compared, a bar as high as its most similar one."""

    known = np.flatnonzero(np.isfinite(values).any(axis=1))
    width = width_for(len(known))
    figure = new_figure(width, 2.6)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.bar(range(len(known)), np.nanmax(values[known], axis=1), color=ACCENT, width=0.6)
    layer_axis(axes, [layers[int(at)] for at in known], inches=width)
    axes.set_ylim(min(0.0, float(np.nanmin(values))), 1.03)
    axes.set_ylabel(measure)
    axes.set_title(f"{models[0]} and {models[1]}", loc="left", fontsize=8)
    return figure
