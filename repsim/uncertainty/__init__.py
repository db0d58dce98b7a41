"""What stands beside a number: what chance gives, and how much it varies with the examples."""

from repsim.uncertainty.intervals import Interval, bootstrap_interval, jackknife_interval
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
    "Interval",
    "Null",
    "RankedCriticals",
    "Replicates",
    "bootstrap_interval",
    "chance_corrected",
    "family_p_values",
    "jackknife_interval",
    "null_band",
    "p_value",
    "p_words",
]
