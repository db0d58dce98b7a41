"""A value with what to hold it against."""

from dataclasses import dataclass

from repsim.uncertainty import Interval, Null

__all__ = ["Estimate"]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The similarity of two layers, as one measure has it, and what to hold it against.

    Parameters
    ----------
    value : float
        The measure, of all samples that were used; NaN where it is not defined.
    convention : str
        Its exact definition.
    interval : Interval or None
        Where the similarity lies with other examples. The bias of few examples is taken off in it,
        so the value can lie outside. None where there are no groups, or a replicate is not defined.
    null : Null or None
        What the same layers show with the examples of one exchanged: chance.
    p_value : float or None
        How often chance shows as much similarity; at least 1 / (1 + permutations).
    calibrated : float or None
        The value where chance is 0 and identical layers are 1.
    samples, examples : int
        Rows, and inputs of the networks: an example may have several positions.
    neurons_x, neurons_y : int
        Columns.
    """

    value: float
    convention: str
    interval: Interval | None
    null: Null | None
    p_value: float | None
    calibrated: float | None
    samples: int
    examples: int
    neurons_x: int
    neurons_y: int

    def __str__(self) -> str:
        parts = [f"{self.convention} = {self.value:.4g}"]
        if self.interval is not None:
            low, high = self.interval.low, self.interval.high
            parts.append(f"{100 * self.interval.level:g} % interval {low:.4g} to {high:.4g}")
        if self.null is not None:
            parts.append(f"chance {self.null.low:.3g} to {self.null.high:.3g}")
        if self.p_value is not None:
            parts.append(f"p = {self.p_value:.2g}")
        if self.calibrated is not None:
            parts.append(f"calibrated {self.calibrated:.3g}")
        of = f" of {self.examples:,} examples" if self.examples != self.samples else ""
        parts.append(f"{self.samples:,} samples{of}, {self.neurons_x} + {self.neurons_y} neurons")
        line = "; ".join(parts)
        return f"{line}. {self.caution}" if self.caution else line

    @property
    def caution(self) -> str:
        """What to know before relying on the value; empty when there is nothing."""
        widest = max(self.neurons_x, self.neurons_y)
        if widest < self.samples:
            return ""
        return (
            f"Any two layers look alike with {widest} neurons and {self.samples} samples: "
            "take more examples or positions."
        )
