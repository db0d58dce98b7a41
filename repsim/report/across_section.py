"""The section on layers against all others: figures, sentences and a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import polars as pl

from repsim.report.block_structure import draw_block_structure
from repsim.report.drawing import Drawing
from repsim.report.layer_heatmaps import draw_heatmaps
from repsim.report.layer_identification import draw_identification, identification_words
from repsim.report.phrasing import percent
from repsim.results.across_layers import AcrossLayers, across_layers

__all__ = ["AcrossSection", "IdentificationRow", "across_figures", "across_section"]


@dataclass(frozen=True, kw_only=True)
class IdentificationRow:
    """A measure, and how often it found the corresponding layer."""

    measure: str
    accuracy: str
    share: float
    interval: str
    found: str
    undefined: str
    chance: str


@dataclass(frozen=True, kw_only=True)
class AcrossSection:
    """What the page says beside the figures."""

    finding: str
    rows: tuple[IdentificationRow, ...]


def across_figures(
    across: pl.DataFrame, principal: pl.DataFrame, identification: pl.DataFrame
) -> list[Callable[[], Drawing | None]]:
    """What draws each, from the tables of these names; to be called in the style of the house."""
    layers: Sequence[AcrossLayers] = across_layers(across, principal)
    maps = [partial(draw, one) for one in layers for draw in (draw_heatmaps, draw_block_structure)]
    return [*maps, partial(draw_identification, identification)]


def across_section(identification: pl.DataFrame) -> AcrossSection | None:
    """The section, or None where no layer of another network was looked for."""
    if not identification.height:
        return None
    best_first = identification.sort(
        "accuracy", "features", "measure", descending=[True, False, False], nulls_last=True
    )
    return AcrossSection(
        finding=identification_words(identification),
        rows=tuple(_row(row) for row in best_first.iter_rows(named=True)),
    )


def _row(row: dict[str, object]) -> IdentificationRow:
    accuracy, low, high, chance = (
        None if row[name] is None else float(str(row[name]))
        for name in ("accuracy", "interval_low", "interval_high", "chance")
    )
    return IdentificationRow(
        measure=str(row["measure"]),
        accuracy="–" if accuracy is None else percent(accuracy),
        share=round(accuracy or 0.0, 3),
        interval="–" if low is None or high is None else f"{percent(low)} to {percent(high)}",
        found=f"{row['correct']:,} of {row['total']:,}",
        undefined=f"{row['undefined']:,}",
        chance="–" if chance is None else percent(chance),
    )
