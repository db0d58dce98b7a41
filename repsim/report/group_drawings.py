"""The figures of a study with variants, in the order of the page."""

from collections.abc import Sequence

from repsim.report.drawing import Drawing
from repsim.report.groups import Groups
from repsim.report.network_distances import draw_distances
from repsim.report.network_map import NetworkMap
from repsim.report.network_scatter import draw_scatter
from repsim.report.score_scatter import draw_scores
from repsim.report.similarity_by_group import draw_groups
from repsim.report.sweep_curves import draw_sweep
from repsim.report.sweeps import Sweep, Trend

__all__ = ["group_drawings"]


def group_drawings(
    groups: Groups, found: NetworkMap | None, sweeps: Sequence[Sweep], scores: Trend | None
) -> list[Drawing]:
    """The figures; to be called in the style of the house."""
    drawings: list[Drawing | None] = [draw_groups(groups)]
    drawings += [draw_sweep(groups, sweep) for sweep in sweeps]
    if scores:
        drawings.append(draw_scores(groups, scores))
    if found:
        drawings += [draw_distances(found), draw_scatter(found)]
    return [drawing for drawing in drawings if drawing is not None]
