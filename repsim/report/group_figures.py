"""The figures of a study with variants, in the order of the page."""

from collections.abc import Callable, Sequence
from functools import partial

from repsim.report.drawing import Drawing
from repsim.report.groups import Groups
from repsim.report.network_distances import draw_distances
from repsim.report.network_map import NetworkMap
from repsim.report.network_scatter import draw_scatter
from repsim.report.score_scatter import draw_scores
from repsim.report.similarity_by_group import draw_groups
from repsim.report.sweep_curves import draw_sweep
from repsim.report.sweeps import Sweep, Trend

__all__ = ["group_figures"]


def group_figures(
    groups: Groups, found: NetworkMap | None, sweeps: Sequence[Sweep], scores: Trend | None
) -> list[Callable[[], Drawing | None]]:
    """What draws each; to be called in the style of the house."""
    figures: list[Callable[[], Drawing | None]] = [partial(draw_groups, groups)]
    figures += [partial(draw_sweep, groups, sweep) for sweep in sweeps]
    if scores:
        figures.append(partial(draw_scores, groups, scores))
    if found:
        figures += [partial(draw_distances, found), partial(draw_scatter, found)]
    return figures
