"""The figures of a study with variants, in the order of the page."""

from repsim.report.drawing import Drawing
from repsim.report.groups import Groups
from repsim.report.network_distances import draw_distances
from repsim.report.network_map import NetworkMap
from repsim.report.network_scatter import draw_scatter
from repsim.report.similarity_by_group import draw_groups

__all__ = ["group_drawings"]


def group_drawings(groups: Groups, found: NetworkMap | None) -> list[Drawing]:
    """The figures; to be called in the style of the house."""
    drawings: list[Drawing | None] = [draw_groups(groups)]
    if found:
        drawings += [draw_distances(found), draw_scatter(found)]
    return [drawing for drawing in drawings if drawing is not None]
