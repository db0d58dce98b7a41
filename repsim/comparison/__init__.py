"""Models compared on the same data, or by their activations, without a study."""

from repsim.comparison.activations import Activations
from repsim.comparison.capture import capture
from repsim.comparison.compare import compare
from repsim.comparison.result import Comparison

__all__ = ["Activations", "Comparison", "capture", "compare"]
