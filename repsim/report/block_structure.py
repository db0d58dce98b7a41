"""Figure: whether one direction of the activations makes many layers of a network look alike."""

import numpy as np
from matplotlib.axes import Axes

from repsim.across.block_structure import LEAST_ALIKE, LEAST_LAYERS, LEAST_SHARE
from repsim.drawing import ACCENT, INK, PAPER
from repsim.report.drawing import Drawing
from repsim.report.layer_maps import draw_map, key, map_axes, name_layers, outline
from repsim.report.phrasing import code, number, percent
from repsim.report.summary import Floats, over_pairs
from repsim.results.across_layers import AcrossLayers

__all__ = ["block_words", "draw_block_structure"]


def draw_block_structure(across: AcrossLayers) -> Drawing | None:
    """The figure, or None where no share is known, or of a single layer."""
    if len(across.names) < 2 or not np.isfinite(across.shares).any():
        return None
    figure, axes = map_axes(3)
    draw_map(axes[0], across.cosines.mean_within, title="First components, |cos|")
    draw_map(axes[1], across.rest.mean_within, title="CKA without them")
    name_layers(axes[:2], across.names)
    _draw_shares(axes[2], across.shares)
    shown = _shown(across)
    if shown is not None:
        block = across.blocks[shown]
        for one in axes[:2]:
            outline(one, int(block.min()), int(block.max()) + 1)
    key(figure, "|cos|, CKA")
    framed = (
        f" Frame: the longest block, of {code(across.networks[shown])}."
        if shown is not None
        else ""
    )
    networks = len(across.networks)
    spread = (
        "Maps and the line are means over networks, the band runs from the lowest to the highest. "
        if networks > 1
        else ""
    )
    return Drawing(
        name=f"block-structure-{across.features}",
        title="Block structure",
        finding=block_words(across),
        reading=(
            f"{spread}{across.words}. A block is the longest run of layers whose mean debiased CKA "
            f"is at least {LEAST_ALIKE:g}, {100 * LEAST_SHARE:g} % of all and at least "
            f"{LEAST_LAYERS}: our reading of Nguyen, Raghu and Kornblith (2020).{framed}"
        ),
        figure=figure,
    )


def block_words(across: AcrossLayers) -> str:
    """How many networks have a block, and what the first component has to do with the longest."""
    shown = _shown(across)
    networks = len(across.networks)
    alike = f"of layers whose mean CKA to each other is {LEAST_ALIKE:g} or more"
    if shown is None:
        network, layer = np.unravel_index(int(np.nanargmax(across.shares)), across.shares.shape)
        whose = "" if networks == 1 else f" of {code(across.networks[network])}"
        return (
            f"{'The network has no' if networks == 1 else 'No network has a'} block {alike}; of "
            "all layers, the largest first component is that of "
            f"{code(across.names[layer])}{whose}, with "
            f"{percent(float(across.shares[network, layer]))} of the variance."
        )
    inside = across.blocks[shown]
    apart = ~np.eye(inside.size, dtype=bool)
    cka, cosine, rest = (
        over_pairs(values.within[shown][np.ix_(inside, inside)][apart])[0]
        for values in (across.cka, across.cosines, across.rest)
    )
    found = sum(block.size > 0 for block in across.blocks)
    has = "The network has" if networks == 1 else f"{found} of {networks} networks have"
    whose = "" if networks == 1 else f"; none is longer than that of {code(across.networks[shown])}"
    share = over_pairs(across.shares[shown, inside])[0]
    means = [
        f"a first component holds {percent(float(share))} of the variance"
        if np.isfinite(share)
        else "",
        f"the first components of two layers have |cos| {number(float(cosine))}"
        if np.isfinite(cosine)
        else "",
        f"CKA is {number(float(cka))}"
        + (f", and {number(float(rest))} without them" if np.isfinite(rest) else ""),
    ]
    return (
        f"{has} a block {alike}{whose}, from {code(across.names[inside[0]])} to "
        f"{code(across.names[inside[-1]])}. Means over that block: "
        f"{'; '.join(filter(None, means))}."
    )


def _shown(across: AcrossLayers) -> int | None:
    """The network with the longest block."""
    sizes = [block.size for block in across.blocks]
    return int(np.argmax(sizes)) if any(sizes) else None


def _draw_shares(axes: Axes, shares: Floats) -> None:
    mean, low, high = over_pairs(shares)
    depth = np.arange(1, len(mean) + 1)
    if len(shares) > 1:
        axes.fill_between(depth, low, high, color=ACCENT, alpha=0.16, linewidth=0)
    axes.plot(
        *(depth, mean),
        color=ACCENT,
        linewidth=1.5,
        marker="o",
        markersize=4,
        markeredgecolor=PAPER,
        markeredgewidth=0.6,
    )
    axes.set_ylim(0, 1.02)
    axes.set_xlim(0.5, len(mean) + 0.5)
    step = max(1, -(-len(mean) // 8))
    axes.set_xticks(range(1, len(mean) + 1, step))
    axes.set_yticks([0, 0.5, 1], ["0", ".5", "1"])
    axes.yaxis.tick_right()
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("Layer", labelpad=3)
    title = "Variance in the first component"
    axes.set_title(title, loc="left", fontsize=8, color=INK, pad=5)
