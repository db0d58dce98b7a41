"""A value with its interval, its chance level and its p-value."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from repsim.uncertainty import Interval, Null, p_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

__all__ = ["Estimate"]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The similarity of two layers by one measure, with its uncertainty and its chance level.

    Parameters
    ----------
    value : float
        The measure of all samples that were used; NaN where it is not defined.
    convention : str
        Its exact definition.
    interval : Interval or None
        The range of the similarity that unlimited examples would show, about the `corrected` value.
        None where there are no groups, or a replicate is not defined.
    null : Null or None
        The values of the same layers when one of them sees the examples in another order. Layers
        beyond it respond to the same inputs; those of untrained networks do so, too.
    null_within : Null or None
        The same with examples permuted within their classes, where labels are given. Beyond it, the
        layers share more than the classes.
    p_value, p_value_within : float or None
        How often permuted examples show as much similarity; at least 1 / (1 + permutations).
    calibrated : float or None
        The value where chance is 0 and identical layers are 1.
    permutations : int
        For each null.
    samples, examples : int
        Rows, and units of rows that belong together: inputs of the networks, as a rule.
    neurons_x, neurons_y : int
        Columns.
    caution : str
        What to know before relying on the value; empty when there is nothing.
    """

    value: float
    convention: str
    interval: Interval | None
    null: Null | None
    null_within: Null | None
    p_value: float | None
    p_value_within: float | None
    calibrated: float | None
    permutations: int
    samples: int
    examples: int
    neurons_x: int
    neurons_y: int
    caution: str

    @property
    def corrected(self) -> float:
        """The value without the bias of few examples, where there is an interval."""
        return self.value if self.interval is None else self.interval.corrected

    def plot(self, ax: "Axes | None" = None) -> "FigureBase":
        """The value, its interval, and the range that permuted examples give.

        Parameters
        ----------
        ax
            Axes to draw on; by default on a page of its own.

        Returns
        -------
        Figure
        """
        from repsim.drawing import drawn_on
        from repsim.estimates.drawing import draw_estimate

        return drawn_on(ax, lambda axes: draw_estimate(axes, self), width=3.6, height=1.2)

    def _repr_html_(self) -> str:
        from repsim.drawing import pictured

        return pictured(self.plot(), str(self))

    def __str__(self) -> str:
        parts = [f"{self.convention} = {self.value:.4g}"]
        if self.interval is not None:
            low, high = self.interval.low, self.interval.high
            parts.append(
                f"corrected for the number of examples {self.corrected:.4g}, "
                f"{100 * self.interval.level:g} % interval {low:.4g} to {high:.4g}"
            )
        for null, p, words in (
            (self.null_within, self.p_value_within, "permuted within classes"),
            (self.null, self.p_value, "permuted"),
        ):
            if null is not None and p is not None:
                band = f"{words} {null.low:.3g} to {null.high:.3g}"
                parts.append(f"{band} ({p_words(p, self.permutations)})")
        if self.calibrated is not None:
            parts.append(f"calibrated {self.calibrated:.3g}")
        of = f" of {self.examples:,} examples" if self.examples != self.samples else ""
        parts.append(f"{self.samples:,} samples{of}, {self.neurons_x} + {self.neurons_y} neurons")
        line = "; ".join(parts)
        return f"{line}. {self.caution}" if self.caution else line
