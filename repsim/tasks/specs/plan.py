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
    """How many there are to train on, and in the test split."""
    decodes: bool
    """Whether images are decoded from files, over and over."""

    @property
    def accepted_code(self) -> tuple[str, ...]:
        """A sentence on each code whose networks are kept though the code has changed since."""
        kept: dict[tuple[str, str, str], list[str]] = {}
        for spec in self.networks:
            for what, code in spec.own_codes.items():
                if code.stands_for:
                    kept.setdefault((what, code.stands_for, code.digest), []).append(spec.label)
        return tuple(
            f"{', '.join(labels)}: trained by the {what} code {before}, which has changed to {now} "
            "since. They are kept because accept_code in the study says that the change does not "
            "matter."
            for (what, before, now), labels in kept.items()
        )
