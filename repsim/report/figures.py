"""What a report is made of, computed once, and the figures that show it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

from repsim.drawing import house_style
from repsim.report import (
    match_curves,
    similarity_by_depth,
    simple_match_sizes,
    tolerance_map,
    training_curves,
)
from repsim.report.across_section import across_figures
from repsim.report.drawing import Drawing
from repsim.report.facts import StudyFacts
from repsim.report.group_figures import group_figures
from repsim.report.groups import Groups, grouped
from repsim.report.layer_by_step import draw_layers_by_step
from repsim.report.measure_layers import MeasureLayers, measure_layers
from repsim.report.measures_by_depth import draw_measures
from repsim.report.network_map import NetworkMap, network_map
from repsim.report.over_training import OverTraining, over_training
from repsim.report.spectrum_alignment import (
    Alignment,
    alignments,
    draw_alignment,
    draw_eigenvalues,
    draw_kernels,
)
from repsim.report.step_curves import draw_between_by_step, draw_with_final
from repsim.report.summary import Summary, summarise
from repsim.report.sweeps import Sweep, Trend, score_trend, swept
from repsim.results import Tables

__all__ = ["Draw", "Findings"]

Draw = Callable[[], Drawing | None]
"""Draws a figure; None where a study has nothing to show in it."""

# In the order of the page. A further figure is one more file and one more entry.
_OF_SUMMARY = (
    similarity_by_depth.draw,
    tolerance_map.draw,
    match_curves.draw,
    simple_match_sizes.draw,
    training_curves.draw,
)
_OF_STEPS = (draw_layers_by_step, draw_with_final, draw_between_by_step)
_OF_ALIGNMENTS = (draw_alignment, draw_eigenvalues, draw_kernels)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The numbers of a report.

    Parameters
    ----------
    complete
        Tables of the study, complete or not.
    facts
        Words and settings that the tables do not hold.
    """

    complete: Tables
    facts: StudyFacts

    @cached_property
    def tables(self) -> Tables:
        """Without snapshots."""
        return self.complete.kept

    @cached_property
    def summary(self) -> Summary:
        """The maximum match as arrays."""
        return summarise(self.tables, self.facts)

    @cached_property
    def steps(self) -> tuple[OverTraining, ...]:
        """Layers over training, where snapshots were compared."""
        return tuple(over_training(self.complete))

    @cached_property
    def groups(self) -> Groups | None:
        """Pairs by variant, where there are several."""
        return grouped(self.tables, self.facts.variants)

    @cached_property
    def map(self) -> NetworkMap | None:
        """All networks by their distances."""
        return network_map(self.groups) if self.groups else None

    @cached_property
    def sweeps(self) -> tuple[Sweep, ...]:
        """Similarity by what a sweep varies."""
        return tuple(swept(self.groups, self.facts.sweep)) if self.groups else ()

    @cached_property
    def scores(self) -> Trend | None:
        """Similarity by the scores of networks."""
        return score_trend(self.groups, self.tables.networks) if self.groups else None

    @cached_property
    def measures(self) -> tuple[MeasureLayers, ...]:
        """The further measures."""
        return measure_layers(self.tables, self.summary)

    @cached_property
    def alignments(self) -> tuple[Alignment, ...]:
        """The spectrum of the gradient kernel, where it was analysed."""
        return alignments(self.complete)

    @property
    def figures(self) -> tuple[Draw, ...]:
        """What draws each figure, in the order of the page; to be called in `house_style`."""
        tables, summary = self.tables, self.summary
        of_groups = (
            group_figures(self.groups, self.map, self.sweeps, self.scores) if self.groups else ()
        )
        return (
            *of_groups,
            *(partial(draw, summary) for draw in _OF_SUMMARY),
            partial(draw_measures, summary, measures=self.measures),
            *(partial(draw, one) for draw in _OF_STEPS for one in self.steps[:1]),
            *(partial(draw, self.alignments) for draw in _OF_ALIGNMENTS),
            *across_figures(tables.across, tables.principal, tables.identification),
        )

    @cached_property
    def by_name(self) -> dict[str, Draw]:
        """Those of `figures` that show something, by the names of their files."""
        with house_style():
            drawn = ((draw, draw()) for draw in self.figures)
            return {drawing.name: draw for draw, drawing in drawn if drawing is not None}
