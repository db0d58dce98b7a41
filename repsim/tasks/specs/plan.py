"""Everything that a study takes."""

from dataclasses import dataclass

from repsim.study import Study
from repsim.tasks.specs.across import AcrossSpec
from repsim.tasks.specs.comparison import ComparisonSpec
from repsim.tasks.specs.layer import LayerSpec
from repsim.tasks.specs.network import NetworkSpec

__all__ = ["StudyPlan"]


@dataclass(frozen=True, kw_only=True)
class StudyPlan:
    """Everything that a study takes."""

    study: Study
    networks: tuple[NetworkSpec, ...]
    layers: dict[str, tuple[LayerSpec, ...]]
    """Those that are captured of each network, by its label, in order of depth."""
    in_doubt: tuple[str, ...]
    """Layers that a pattern selects, but whose channels nobody knows the axis of: left out."""
    comparisons: tuple[ComparisonSpec, ...]
    across: tuple[AcrossSpec, ...]
    parameters: int
    """Trainable numbers of each network."""
    operations: int
    """Floating-point operations of one example's way through a network."""
    examples: tuple[int, int]
    """How many there are to train on, and in the probe split."""
    decodes: bool
    """Whether images are decoded from files, over and over."""
