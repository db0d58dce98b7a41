"""Everything that a study takes."""

from collections.abc import Set
from dataclasses import dataclass, replace
from functools import cached_property

from repsim.graph import Graph
from repsim.stages.across import AcrossSpec
from repsim.stages.activations import LayerSpec
from repsim.stages.analyses import AnalysisSpec
from repsim.stages.comparison import ComparisonSpec
from repsim.stages.networks import NetworkSpec
from repsim.stages.tiles import TileSpec, tiles_of
from repsim.study import Study

__all__ = ["StudyPlan"]


@dataclass(frozen=True, kw_only=True)
class StudyPlan:
    """Everything that a study takes."""

    study: Study
    networks: tuple[NetworkSpec, ...]
    layers: dict[str, tuple[LayerSpec, ...]]
    """Those that are captured of each network or snapshot, by its label, in order of depth."""
    in_doubt: tuple[str, ...]
    """Layers that a pattern selects, but whose channels nobody knows the axis of: left out."""
    comparisons: tuple[ComparisonSpec, ...]
    across: tuple[AcrossSpec, ...]
    apart: tuple[str, ...] = ()
    """Sentences on pairs of networks without layers that correspond."""
    snapshots: tuple[NetworkSpec, ...] = ()
    """Those of the networks' snapshots that are compared."""
    pairs: tuple[tuple[str, str], ...] = ()
    """Of networks and snapshots, by label."""
    analyses: tuple[AnalysisSpec, ...] = ()
    """Of networks and their snapshots."""

    @cached_property
    def states(self) -> tuple[NetworkSpec, ...]:
        """The networks, and those of their snapshots that are compared or analysed."""
        specs = (*self.networks, *self.snapshots, *(spec.network for spec in self.analyses))
        return tuple({spec.label: spec for spec in specs}.values())

    @cached_property
    def representatives(self) -> tuple[NetworkSpec, ...]:
        """One network of each variant: the others differ from it by their seed alone."""
        first: dict[str, NetworkSpec] = {}
        for spec in self.networks:
            first.setdefault(spec.network.variant, spec)
        return tuple(first.values())

    @cached_property
    def tiles(self) -> tuple[TileSpec, ...]:
        """The comparisons, by the pass over activations that they share."""
        return tuple(tiles_of(self.comparisons))

    @cached_property
    def graph(self) -> Graph:
        """Everything that is to be made of it."""
        from repsim.stages import graph_of

        return graph_of(self)

    def without(self, failed: Set[str]) -> "StudyPlan":
        """The study without these activations: comparisons across layers leave them out."""
        across = (spec.without(failed) for spec in self.across)
        return replace(
            self,
            comparisons=tuple(
                spec
                for spec in self.comparisons
                if failed.isdisjoint(layer.folder for layer in spec.layers)
            ),
            across=tuple(spec for spec in across if spec is not None),
        )

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
