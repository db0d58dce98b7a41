"""Small multiples: one panel per layer, on the same axes."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from repsim.drawing import INK, HouseFigure, new_figure, shortened, size_of

_WIDTH, _GAP, _TITLE = 7.6, 0.14, 0.24  # Inches.


@dataclass(frozen=True, kw_only=True)
class Panels:
    """Axes in the order of the names, row by row, in one figure."""

    figure: HouseFigure
    axes: tuple[Axes, ...]
    names: tuple[str, ...]
    columns: int
    inches: float  # Width of one panel.
    height: float  # Of the figure.

    def finish(self, place: int, *, own_scale: bool = False) -> None:
        """Title a drawn panel, and number its axes only where no neighbour does.

        A panel with a scale of its own is numbered along the side wherever it is.
        """
        axes = self.axes[place]
        size = 8 if self.columns < 6 else 7  # Points; a character takes 0.0088 inches for each.
        name = shortened(self.names[place], int(self.inches / (0.0088 * size)))
        axes.set_title(name, loc="left", fontsize=size, color=INK, pad=4)
        if place % self.columns and not own_scale:
            axes.set_yticklabels([])
        if place + self.columns < len(self.axes):
            axes.set_xticklabels([])


def small_multiples(names: Sequence[str], *, across: str, along: str) -> Panels:
    """Empty panels, with one label across the bottom and one along the side."""
    columns = _columns(len(names))
    rows = -(-len(names) // columns)
    width = min(_WIDTH, 3.2 * columns)
    slot = width / columns
    panel = min(slot * 0.86, 2.3)
    height = rows * (panel + _TITLE) + 0.2
    figure = new_figure(width, height)
    # In the space of given axes another size, in which text is as large as here.
    width, height = size_of(figure)
    slot, panel = width / columns, (height - 0.2) / rows - _TITLE
    axes = []
    for place in range(len(names)):
        row, column = divmod(place, columns)
        bottom = 1 - ((row + 1) * (panel + _TITLE)) / height
        bounds = (column * slot / width, bottom, (slot - _GAP) / width, panel / height)
        axes.append(figure.add_axes(bounds))
    figure.supylabel(along, x=-0.4 / width, fontsize=9)
    figure.supxlabel(across, y=-0.28 / height, fontsize=9)
    return Panels(
        figure=figure,
        axes=tuple(axes),
        names=tuple(names),
        columns=columns,
        inches=slot - _GAP,
        height=height,
    )


def number_layers(axes: Axes, layers: int) -> None:
    """The x axis of a panel against depth: layers counted from 1, at most some six numbered."""
    axes.set_xlim(0.5, layers + 0.5)
    axes.set_xticks(range(1, layers + 1, max(1, -(-layers // 6))))


def _columns(layers: int) -> int:
    """As many as stay legible; one fewer where that leaves fewer places of the last row empty."""
    if layers <= 3:
        return layers
    most = next((c for c, limit in ((3, 6), (4, 12), (5, 20)) if layers <= limit), 6)
    return min((most, most - 1), key=lambda c: -layers % c) if layers <= 20 else most
