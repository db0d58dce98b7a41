"""What stands beside a number: what chance gives, and how much it varies with the examples."""

from repsim.uncertainty.correlations import Correlation, correlation
from repsim.uncertainty.group_differences import Contrast, GroupDifference, group_difference
from repsim.uncertainty.intervals import (
    LEAST_FOR_QUARTERS,
    Interval,
    bootstrap_interval,
    jackknife_interval,
    part_of,
)
from repsim.uncertainty.match_intervals import RankedCriticals
from repsim.uncertainty.replicates import Replicates
from repsim.uncertainty.significance import (
    Null,
    chance_corrected,
    family_p_values,
    null_band,
    p_value,
    p_words,
)

__all__ = [
    "LEAST_FOR_QUARTERS",
    "Contrast",
    "Correlation",
    "GroupDifference",
    "Interval",
    "Null",
    "RankedCriticals",
    "Replicates",
    "bootstrap_interval",
    "chance_corrected",
    "correlation",
    "family_p_values",
    "group_difference",
    "jackknife_interval",
    "null_band",
    "p_value",
    "p_words",
    "part_of",
]
