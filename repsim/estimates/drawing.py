"""Picture of an estimate: the value, its interval and what chance gives, on one axis."""

from typing import TYPE_CHECKING

from matplotlib.axes import Axes

from repsim.drawing import ACCENT, INK, MUTED

if TYPE_CHECKING:
    from repsim.estimates.estimate import Estimate

__all__ = ["draw_estimate"]


def draw_estimate(axes: Axes, estimate: "Estimate") -> None:
    """A line for each of what is known, the value on top."""
    names = ["value"]
    axes.plot([estimate.value], [0], "o", color=INK, markersize=5)
    if estimate.interval is not None:
        low, high = estimate.interval.low, estimate.interval.high
        axes.plot([low, high], [len(names)] * 2, color=ACCENT, linewidth=2)
        axes.plot([estimate.corrected], [len(names)], "o", color=ACCENT, markersize=5)
        names.append(f"corrected, {100 * estimate.interval.level:g} % interval")
    for null, words in (
        (estimate.null_within, "permuted within classes"),
        (estimate.null, "permuted"),
    ):
        if null is not None:
            ends = [null.low, null.high]
            axes.plot(ends, [len(names)] * 2, color=MUTED, linewidth=4, alpha=0.7)
            names.append(words)
    axes.axvline(estimate.value, color=INK, linewidth=0.7, alpha=0.4)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(estimate.convention)
