"""Figure: how similar each layer is to itself when trained, at every snapshot."""

import numpy as np

from repsim.drawing import INK, name_steps, new_figure, shortened, thinned
from repsim.report.drawing import Drawing
from repsim.report.layer_maps import draw_map, key
from repsim.report.over_training import MOST_PANELS, OverTraining, settling_words
from repsim.text import count

__all__ = ["draw_layers_by_step"]

# Inches of a map, and between two.
_WIDTH, _GAP = 2.9, 0.3
_ROW = 0.19


def draw_layers_by_step(one: OverTraining) -> Drawing | None:
    """The figure, or None where no snapshot is compared with its network."""
    shown = one.with_final[:MOST_PANELS]
    if not shown:
        return None
    across = min(2, len(shown))
    down = -(-len(shown) // across)
    most = max(len(of.layers) for of in shown)
    high = min(max(1.3, _ROW * most), 4.0)
    width, gap = across * _WIDTH + (across - 1) * _GAP, 0.75
    height = down * high + (down - 1) * gap
    figure = new_figure(width, height)
    for place, of in enumerate(shown):
        row, column = divmod(place, across)
        axes = figure.add_axes(
            (
                column * (_WIDTH + _GAP) / width,
                1 - (row * (high + gap) + high) / height,
                _WIDTH / width,
                high / height,
            )
        )
        title = f"{shortened(of.name, 40)}, {count(of.pairs, 'network')}".removeprefix(", ")
        draw_map(axes, of.mean.T, title=title, numbered=False)
        name_steps(axes, np.arange(len(of.steps)), of.steps)
        if row == down - 1 or place + across >= len(shown):
            axes.set_xlabel("Step of the snapshot", labelpad=3)
        layers = thinned(len(of.layers), 24)
        same = column > 0 and of.layers == shown[place - 1].layers
        names = [shortened(of.layers[at], 26) for at in layers]
        axes.set_yticks([] if same else layers, [] if same else names, fontsize=8)
        settled = one.settling(of)
        known = np.flatnonzero(np.isfinite(settled))
        places = np.interp(settled[known], of.steps, np.arange(len(of.steps)))
        axes.plot(
            places, known, color=INK, linewidth=0, marker="|", markersize=9, markeredgewidth=2
        )
    key(figure, one.measure)
    more = len(one.with_final) - len(shown)
    also = (
        f" Of {count(more, 'further variant')} the numbers are in results.parquet." if more else ""
    )
    return Drawing(
        name="layers-by-step",
        title="Every layer over training",
        finding=" ".join(settling_words(one, of) for of in shown),
        reading=(
            "Similarity of each layer at each snapshot to the same layer of the same network when "
            "trained, as a mean over networks. Columns are snapshots in order, not to scale. A bar "
            f"marks where a layer has come half of its way.{also}"
        ),
        figure=figure,
    )
