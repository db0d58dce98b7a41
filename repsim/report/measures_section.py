"""The section that sets the match beside the other measures: a table with every convention."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repsim.report.measure_layers import MeasureLayers
from repsim.report.measures_by_depth import tension
from repsim.report.phrasing import number
from repsim.report.summary import Summary, over_pairs

__all__ = ["MeasuresSection", "measures_section"]


@dataclass(frozen=True, kw_only=True)
class MeasureCell:
    """A value with what stands under it; `share` tints it by what is left without chance."""

    text: str
    chance: str
    share: float


@dataclass(frozen=True, kw_only=True)
class MeasuresSection:
    """Rows by depth, columns by measure."""

    finding: str
    names: tuple[tuple[str, str], ...]
    conventions: tuple[str, ...]
    rows: tuple[tuple[str, tuple[MeasureCell, ...]], ...]


def measures_section(summary: Summary, measures: Sequence[MeasureLayers]) -> MeasuresSection | None:
    """The section, or None where there is nothing to set the match beside."""
    if len(measures) < 2:
        return None
    return MeasuresSection(
        finding=tension(summary, measures),
        names=tuple(_headings(measures)),
        conventions=tuple(measure.convention for measure in measures),
        rows=tuple(
            (name, tuple(_cell(measure, layer) for measure in measures))
            for layer, name in enumerate(summary.names)
        ),
    )


def _headings(measures: Sequence[MeasureLayers]) -> list[tuple[str, str]]:
    """Names, with the options below where two measures share a name."""
    names = [measure.name for measure in measures]
    options = [measure.convention.partition("[")[2].removesuffix("]") for measure in measures]
    return [
        (name, option if names.count(name) > 1 else "")
        for name, option in zip(names, options, strict=True)
    ]


def _cell(measure: MeasureLayers, layer: int) -> MeasureCell:
    value, null, corrected, p = (
        float(over_pairs(array)[place][layer])
        for array, place in (
            (measure.value, 0),
            (measure.null_mean, 0),
            (measure.calibrated, 0),
            (measure.p_value_layers, 2),  # of the pair with the largest
        )
    )
    if not np.isfinite(value):
        return MeasureCell(text="–", chance="undefined", share=0.0)
    words = f"chance {number(null)}" if np.isfinite(null) else ""
    words += f", p {p:.2g}" if np.isfinite(p) else ""
    share = min(1.0, max(0.0, corrected)) if np.isfinite(corrected) else 0.0
    return MeasureCell(text=number(value), chance=words, share=round(share, 3))
