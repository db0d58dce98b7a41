"""What is drawn or printed beside an interval over examples: the corrected value."""

from dataclasses import dataclass

import numpy as np

from repsim.report.summary import Floats, over_pairs

__all__ = ["CORRECTED", "WithIntervals", "with_intervals"]

CORRECTED = (
    "A value that is corrected for the number of examples has the bias of few examples taken off: "
    "it estimates what unlimited examples would show, and its interval is about that. The value as "
    "computed can lie outside the interval."
)


@dataclass(frozen=True, kw_only=True)
class WithIntervals:
    """Values that may stand beside intervals; `corrected` says where they do."""

    points: Floats  # (pairs, ...), the corrected values where `corrected`, else as computed.
    low: Floats  # (...), mean over pairs of the lower ends; NaN where not `corrected`.
    high: Floats  # (...), of the upper ends.

    @property
    def corrected(self) -> np.ndarray:
        """Where every pair that has a value has a corrected one and an interval."""
        return np.isfinite(self.low)

    @property
    def mean(self) -> Floats:
        """Mean over pairs of the points."""
        return over_pairs(self.points)[0]


def with_intervals(value: Floats, corrected: Floats, low: Floats, high: Floats) -> WithIntervals:
    """Corrected values with their intervals, or values without, from arrays (pairs, ...).

    A mean is over pairs of one kind: where one pair lacks its interval, all are as computed.
    """
    known = np.isfinite(value)
    able = np.isfinite(corrected) & np.isfinite(low) & np.isfinite(high)
    whole = known.any(axis=0) & (able | ~known).all(axis=0)
    ends = (over_pairs(np.where(known, end, np.nan))[0] for end in (low, high))
    below, above = (np.where(whole, end, np.nan) for end in ends)
    points = np.where(whole & known, corrected, value)
    return WithIntervals(points=points, low=below, high=above)
