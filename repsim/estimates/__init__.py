"""One similarity with its context, for two arrays in memory: interval, chance, p-value."""

from repsim.estimates.estimate import Estimate
from repsim.estimates.two_layers import estimate

__all__ = ["Estimate", "estimate"]
