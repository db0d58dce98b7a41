"""Maps of layers × layers, side by side: the darker, the more alike."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from repsim.drawing import (
    ACCENT,
    GRID,
    INK,
    MUTED,
    PAPER,
    HouseFigure,
    new_figure,
    shortened,
    size_of,
)
from repsim.report.summary import Floats

__all__ = ["DARKEST", "draw_map", "key", "map_axes", "name_layers", "outline"]

_WIDTH, _GAP = 7.0, 0.3  # Inches, of all maps and between two.
_LARGEST = 3.1

# Cells of one shade are one shape: a map of a hundred layers stays a small file.
_SHADES = 40
DARKEST = 0.92

# Values are written into the cells of a map that is not larger.
MOST_NUMBERED = 8


def map_axes(panels: int) -> tuple[HouseFigure, list[Axes]]:
    """Square axes in a row, in one figure."""
    side = min(_LARGEST, (_WIDTH - (panels - 1) * _GAP) / panels)
    width = panels * side + (panels - 1) * _GAP
    figure = new_figure(width, side)
    return figure, [
        figure.add_axes((place * (side + _GAP) / width, 0, side / width, 1))
        for place in range(panels)
    ]


def draw_map(
    axes: Axes,
    values: Floats,
    *,
    title: str,
    scale: tuple[float, float] = (0.0, 1.0),
    numbered: bool = True,
) -> None:
    """One map (layers × layers, or × steps), the first layer at the lower left.

    Cells without a value are grey. A small map has its values in the cells, if `numbered`.

    Shades run from the lower to the upper end of the scale.
    """
    rows, columns = values.shape
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(-0.5, rows - 0.5))
    axes.set_aspect("equal" if rows == columns else "auto")
    axes.grid(visible=False)
    axes.set_title(title, loc="left", fontsize=8, color=INK, pad=5)
    _shape(axes, np.isnan(values), GRID, 1.0)
    low, high = scale
    shares = np.clip((np.nan_to_num(values) - low) / (high - low), 0, 1)
    shades = np.where(np.isnan(values), 0, np.rint(shares * _SHADES)).astype(int)
    for shade in range(1, _SHADES + 1):
        _shape(axes, shades == shade, ACCENT, DARKEST * shade / _SHADES)
    if numbered and max(rows, columns) <= MOST_NUMBERED:
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                colour = PAPER if shares[row, column] > 0.55 else INK
                axes.text(column, row, _short(value), color=colour, ha="center", va="center")


def name_layers(axes: Sequence[Axes], names: Sequence[str]) -> None:
    """Number the layers of all maps along both sides, and name them at the first."""
    layers = len(names)
    step = max(1, -(-layers // 12))
    numbered = list(range(0, layers, step))
    for place, one in enumerate(axes):
        one.set_xticks(numbered, [str(number + 1) for number in numbered])
        one.set_yticks([])
        one.set_xlabel("Layer", labelpad=3)
        if place == 0:
            shown = numbered if layers > 30 else list(range(layers))
            labels = [f"{shortened(names[i], 26)}  {i + 1}" for i in shown]
            size = 8 if len(shown) <= 18 else 6.5
            one.set_yticks(shown, labels, fontsize=size)


def outline(axes: Axes, start: int, stop: int) -> None:
    """A frame around the layers from `start` to before `stop`."""
    axes.add_patch(
        Rectangle(
            (start - 0.5, start - 0.5),
            *(stop - start, stop - start),
            fill=False,
            edgecolor=INK,
            linewidth=1.3,
            clip_on=False,
            zorder=4,
        )
    )


def key(figure: HouseFigure, words: str, ends: tuple[str, str] = ("0", "1")) -> None:
    """What the shades mean, above the right end of the figure."""
    width, height = size_of(figure)
    axes = figure.add_axes((1 - 1.1 / width, 1 + 0.3 / height, 1.0 / width, 0.09 / height))
    axes.set(xlim=(0, 1), ylim=(0, 1), yticks=[], xticks=[])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    shades = 20
    for shade in range(1, shades + 1):
        cell = ((shade - 1) / shades, 0), 1 / shades, 1
        axes.add_patch(Rectangle(*cell, color=ACCENT, alpha=DARKEST * shade / shades, lw=0))
    axes.text(-0.05, 0.4, f"{words}  {ends[0]}", ha="right", va="center", color=MUTED)
    axes.text(1.05, 0.4, ends[1], ha="left", va="center", color=MUTED)


def _shape(axes: Axes, cells: np.ndarray, colour: str, alpha: float) -> None:
    """All these cells as one shape, runs in a row joined."""
    corners = []
    for row, marked in enumerate(cells):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], marked.astype(int), [0]])))
        for left, right in zip(edges[::2] - 0.5, edges[1::2] - 0.5, strict=True):
            low, high = row - 0.5, row + 0.5
            corners += [(left, low), (right, low), (right, high), (left, high), (left, low)]
    if not corners:
        return
    moves = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    path = Path(corners, moves * (len(corners) // 5))
    axes.add_patch(PathPatch(path, facecolor=colour, alpha=alpha, linewidth=0))


def _short(value: float) -> str:
    """Two places without a leading zero.

    >>> _short(0.934), _short(1.0), _short(-0.126)
    ('.93', '1', '-.13')
    """
    text = f"{value:.2f}".replace("0.", ".", 1)
    return {"1.00": "1", ".00": "0", "-.00": "0"}.get(text, text)
