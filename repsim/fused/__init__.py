"""Models compared in memory: all of them see a batch, and sums are all that is kept of it."""

from repsim.fused.compare import compare
from repsim.fused.comparison import Comparison

__all__ = ["Comparison", "compare"]
