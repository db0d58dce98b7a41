"""Figure: all networks as points, as far apart as two dimensions can show."""

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.ticker import MaxNLocator

from repsim.drawing import PAPER, new_figure
from repsim.report.drawing import Drawing
from repsim.report.network_map import NetworkMap, measured
from repsim.report.phrasing import percent
from repsim.report.variant_colours import ORDERED, variant_colours, variant_legend

__all__ = ["draw_scatter"]


def draw_scatter(found: NetworkMap) -> Drawing | None:
    """The figure, or None where all networks are in one place."""
    if not np.isfinite(found.share):
        return None
    figure = new_figure(4.6, 4.0)
    axes = figure.add_axes((0, 0, 1, 1))
    colours = variant_colours(len(found.variants))
    few = len(found.networks) <= 40
    for place in range(len(found.variants)):
        points = found.coordinates[found.variant_of == place]
        centre = points.mean(axis=0)
        axes.add_collection(
            LineCollection(
                [[centre, point] for point in points],
                colors=colours[place],
                linewidths=0.7,
                alpha=0.5,
            )
        )
        axes.scatter(
            points[:, 0],
            points[:, 1],
            s=30 if few else 13,
            color=colours[place],
            edgecolor=PAPER,
            linewidth=0.6 if few else 0.3,
            zorder=3,
        )
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.06)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel("First coordinate")
    axes.set_ylabel("Second coordinate")
    variant_legend(axes, found.variants)
    many = (
        " Colours run from the first variant of the study to the last."
        if len(found.variants) > ORDERED
        else ""
    )
    return Drawing(
        name="network-map",
        title="A map of all networks",
        finding=(
            f"Two coordinates hold {percent(found.share)} of the spread of the distances between "
            "networks."
        ),
        reading=(
            f"{measured(found)} Classical multidimensional scaling; the share is of the positive "
            f"eigenvalues. Lines lead to the mean of each variant.{many}"
        ),
        figure=figure,
    )
