"""The colour of each variant, the same in all figures, and what says which is which."""

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D

from repsim.drawing import CATEGORICAL, shortened, thinned

__all__ = ["ORDERED", "variant_colours", "variant_legend"]

# More variants than this have colours in order, which cannot all be told apart.
ORDERED = len(CATEGORICAL)

_MOST_NAMED = 16


def variant_colours(amount: int) -> list[str]:
    """Colours that a colour-blind reader can tell apart, or, of many, put in order."""
    if amount <= ORDERED:
        return list(CATEGORICAL[:amount])
    return [to_hex(mpl.colormaps["viridis"](0.1 + 0.86 * i / (amount - 1))) for i in range(amount)]


def variant_legend(axes: Axes, variants: tuple[str, ...]) -> None:
    """Names of the variants beside the axes, of many some at even steps."""
    colours = variant_colours(len(variants))
    named = thinned(len(variants), _MOST_NAMED)
    axes.legend(
        handles=[
            Line2D([], [], color=colours[i], marker="o", linestyle="none", markeredgewidth=0)
            for i in named
        ],
        labels=[shortened(variants[i], 32) for i in named],
        loc="upper left",
        bbox_to_anchor=(1.02, 1.0),
        frameon=False,
        borderaxespad=0,
        handletextpad=0.2,
    )
