"""Figure: how alike every two networks are, in the order of a tree of clusters."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from repsim.drawing import ACCENT, MUTED, new_figure, shortened
from repsim.report.drawing import Drawing
from repsim.report.layer_maps import DARKEST, draw_map, key
from repsim.report.network_map import NetworkMap, map_words, measured
from repsim.report.phrasing import number
from repsim.report.summary import Floats
from repsim.report.variant_colours import ORDERED, variant_colours, variant_legend
from repsim.text import count

__all__ = ["draw_distances"]

# Inches: the map, the tree above it, the strip of colours between them.
_SIDE, _TREE, _STRIP, _GAP = 4.6, 1.0, 0.1, 0.04

# Names of more networks are too small to be read.
_MOST_NAMED = 40

# Cells of more networks are pixels: as shapes they would be megabytes.
_MOST_SHAPED = 60


def draw_distances(found: NetworkMap) -> Drawing:
    """The figure."""
    height = _SIDE + 2 * _GAP + _STRIP + _TREE
    figure = new_figure(_SIDE, height)
    axes = figure.add_axes((0, 0, 1, _SIDE / height))
    similarity = 1 - found.distances[np.ix_(found.order, found.order)]
    others = similarity[~np.eye(len(similarity), dtype=bool)]
    low, high = float(others.min()), float(others.max())
    scale = (low, high) if high - low > 1e-9 else (high - 1.0, high)
    if len(found.networks) <= _MOST_SHAPED:
        draw_map(axes, similarity, title="", scale=scale)
    else:
        _pixels(axes, similarity, scale)
    _name(axes, found)
    strip = figure.add_axes((0, (_SIDE + _GAP) / height, 1, _STRIP / height))
    _strip(strip, found)
    tree = figure.add_axes((0, (_SIDE + 2 * _GAP + _STRIP) / height, 1, _TREE / height))
    _tree(tree, found)
    variant_legend(axes, found.variants)
    key(figure, "Similarity", (number(low), number(high)))
    many = (
        " Colours run from the first variant of the study to the last."
        if len(found.variants) > ORDERED
        else ""
    )
    return Drawing(
        name="network-distances",
        title="All networks",
        finding=map_words(found),
        reading=(
            f"{measured(found)} {count(len(found.networks), 'network')} in the order of the tree "
            "above (average linkage, optimal order of leaves), whose forks are at the mean "
            f"distance of what they join. Coloured by variant.{many}"
        ),
        figure=figure,
    )


def _pixels(axes: Axes, similarity: Floats, scale: tuple[float, float]) -> None:
    """The map as an image, as transparent as values are low, so that it fits any background."""
    colours = np.empty((*similarity.shape, 4))
    colours[..., :3] = to_rgb(ACCENT)
    colours[..., 3] = DARKEST * np.clip((similarity - scale[0]) / (scale[1] - scale[0]), 0, 1)
    axes.imshow(colours, origin="lower", interpolation="none")
    axes.grid(visible=False)


def _name(axes: Axes, found: NetworkMap) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    networks = len(found.networks)
    if networks <= _MOST_NAMED:
        # Inches that a name has, of which a character of 8 points takes 0.155.
        size = min(8.0, 8 * _SIDE / networks / 0.155)
        names = [shortened(found.networks[place], 34) for place in found.order]
        axes.set_yticks(range(networks), names, fontsize=size)


def _strip(axes: Axes, found: NetworkMap) -> None:
    colours = variant_colours(len(found.variants))
    axes.set(xlim=(-0.5, len(found.networks) - 0.5), ylim=(0, 1))
    axes.set_axis_off()
    for place, network in enumerate(found.order):
        colour = colours[found.variant_of[network]]
        axes.add_patch(Rectangle((place - 0.5, 0), 1, 1, facecolor=colour, linewidth=0))


def _tree(axes: Axes, found: NetworkMap) -> None:
    """Each fork as two legs and a bar."""
    networks = len(found.networks)
    place = np.empty(2 * networks - 1)
    place[found.order] = np.arange(networks)
    level = np.zeros(2 * networks - 1)
    forks = []
    for row, (left, right) in enumerate(found.tree[:, :2].astype(int)):
        top, new = found.tree[row, 2], networks + row
        legs = [(place[left], level[left]), (place[left], top)]
        forks.append([*legs, (place[right], top), (place[right], level[right])])
        place[new], level[new] = (place[left] + place[right]) / 2, top
    axes.add_collection(
        LineCollection(forks, colors=MUTED, linewidths=0.9 if networks < 60 else 0.6)
    )
    axes.set(xlim=(-0.5, networks - 0.5), ylim=(0, 1.03 * max(level[-1], 1e-9)))
    axes.set_xticks([])
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.locator_params(axis="y", nbins=3)
    axes.set_ylabel("Distance")
