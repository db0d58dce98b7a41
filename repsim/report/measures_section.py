"""The section that sets the match beside the other measures: a table with every convention."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repsim.report.intervals import CORRECTED
from repsim.report.measure_layers import Kind, MeasureLayers, leading
from repsim.report.nulls import PERMUTED, QUESTIONS, largest_p, tension
from repsim.report.phrasing import number, resolved
from repsim.report.summary import Summary, over_pairs
from repsim.uncertainty import p_words

__all__ = ["MeasuresSection", "measures_section"]


# What a cell calls each null, in the order in which they stand.
_CALLED: dict[Kind, str] = {"within": "in classes", "plain": "permuted"}


@dataclass(frozen=True, kw_only=True)
class MeasureCell:
    """A value with what stands under it; `share` tints it by what is left without chance."""

    text: str
    lines: tuple[str, ...]
    share: float


@dataclass(frozen=True, kw_only=True)
class MeasuresSection:
    """Rows by depth, columns by measure, and how they are read."""

    finding: str
    names: tuple[tuple[str, str], ...]
    conventions: tuple[str, ...]
    rows: tuple[tuple[str, tuple[MeasureCell, ...]], ...]
    reading: tuple[str, ...]


def measures_section(summary: Summary, measures: Sequence[MeasureLayers]) -> MeasuresSection | None:
    """The section, or None where there is nothing to set the match beside."""
    if len(measures) < 2:
        return None
    rows = tuple(
        (name, tuple(_cell(measure, layer) for measure in measures))
        for layer, name in enumerate(summary.names)
    )
    return MeasuresSection(
        finding=tension(summary, measures, leading(measures)),
        names=tuple(_headings(measures)),
        conventions=tuple(measure.convention for measure in measures),
        rows=rows,
        reading=_reading(measures, several=len(summary.pairs) > 1),
    )


def _reading(measures: Sequence[MeasureLayers], *, several: bool) -> tuple[str, ...]:
    sentences = ["Large: the values as computed."]
    if several:
        sentences = ["All numbers but p are means over pairs. Large: the value as computed."]
    if any(measure.with_intervals.corrected.any() for measure in measures):
        sentences.append(f"Corrected: with its interval over examples. {CORRECTED}")
    kinds = [kind for kind in _CALLED if any(one.nulls[kind].known for one in measures)]
    for kind in kinds:
        called = f"{_CALLED[kind][0].upper()}{_CALLED[kind][1:]}"
        sentences.append(f"{called}: the mean over {PERMUTED[kind]}, which ask {QUESTIONS[kind]}.")
    if kinds:
        floors = sorted(
            {int(n) for one in measures for n in one.permutations[np.isfinite(one.permutations)]}
        )
        least = "; ".join(p_words(1 / (1 + number), number) for number in floors)
        pair = "the largest of any pair, " if several else ""
        sentences.append(
            f"p: {pair}for all layers at once{f' ({least})' if least else ''}. The tint runs from "
            "what permutations of all examples give to identical layers."
        )
    return tuple(sentences)


def _headings(measures: Sequence[MeasureLayers]) -> list[tuple[str, str]]:
    """Names, with the options below where two measures share a name."""
    names = [measure.name for measure in measures]
    options = [measure.convention.partition("[")[2].removesuffix("]") for measure in measures]
    return [
        (name, option if names.count(name) > 1 else "")
        for name, option in zip(names, options, strict=True)
    ]


def _cell(measure: MeasureLayers, layer: int) -> MeasureCell:
    value = float(measure.mean[layer])
    if not np.isfinite(value):
        return MeasureCell(text="–", lines=("undefined",), share=0.0)
    lines = []
    shown = measure.with_intervals
    if shown.corrected[layer]:
        ends = float(shown.mean[layer]), float(shown.low[layer]), float(shown.high[layer])
        lines.append("corrected {} ({} to {})".format(*resolved(*ends)))
    for kind, called in _CALLED.items():
        null = float(over_pairs(measure.nulls[kind].mean)[0][layer])
        if np.isfinite(null):
            p = largest_p(measure, kind, [layer])
            lines.append(f"{called} {number(null)}" + (f", {p_words(*p, brief=True)}" if p else ""))
    calibrated = float(over_pairs(measure.calibrated)[0][layer])
    share = min(1.0, max(0.0, calibrated)) if np.isfinite(calibrated) else 0.0
    return MeasureCell(text=number(value), lines=tuple(lines), share=round(share, 3))
