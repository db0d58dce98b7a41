"""Figure: how often each measure finds the layer that corresponds, in another network."""

import polars as pl
from matplotlib.figure import Figure

from repsim.report.drawing import ACCENT, INK, Drawing
from repsim.report.phrasing import code, count, percent

__all__ = ["draw_identification", "identification_words"]

_BAR = 0.27  # Inches of height for each measure.


def draw_identification(identification: pl.DataFrame) -> Drawing | None:
    """The figure, or None where no layer could be looked for."""
    rows = _ranked(identification)
    if not rows.height:
        return None
    figure = Figure(figsize=(4.6, _BAR * rows.height + 0.1))
    axes = figure.add_axes((0, 0, 1, 1))
    places = list(range(rows.height - 1, -1, -1))
    axes.barh(places, rows["accuracy"], height=0.62, color=ACCENT, alpha=0.75, linewidth=0)
    axes.hlines(places, rows["interval_low"], rows["interval_high"], color=INK, linewidth=1.1)
    # Chance differs only where networks have different layers.
    ends = [rows["chance"][0], *rows["chance"], rows["chance"][-1]]
    heights = [places[0] + 0.45, *places, places[-1] - 0.45]
    axes.plot(ends, heights, color=INK, linewidth=0.9, linestyle=(0, (3, 2)), zorder=4)
    axes.set_yticks(places, [measure_name(m) for m in rows["measure"]], fontsize=7.5)
    for place, share in zip(places, rows["accuracy"], strict=True):
        axes.text(1.03, place, percent(share), va="center", color=INK)
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.6, rows.height - 0.4)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("Layers found in the other network", labelpad=4)
    return Drawing(
        name="layer-identification",
        title="Which measure finds the corresponding layer",
        finding=identification_words(identification),
        reading=(
            "For each layer of one network, whether the most similar layer of another is the one "
            "of the same name, over all pairs and both ways. Lines are binomial 90 % intervals, "
            "which take layers as independent; dashes are guessing."
        ),
        figure=figure,
    )


def identification_words(identification: pl.DataFrame) -> str:
    """The best and the worst measure, beside guessing."""
    rows = _ranked(identification)
    if not rows.height:
        return "No layer has a counterpart in another network."
    first, last = rows.row(0, named=True), rows.row(-1, named=True)
    names = [code(measure_name(row["measure"])) for row in (first, last)]
    if rows.height == 1:
        words = f"{names[0]} finds the corresponding layer in {_found(first)}"
    elif first["accuracy"] == last["accuracy"]:
        words = f"Every measure finds the corresponding layer in {percent(first['accuracy'])}"
    else:
        words = (
            f"{names[0]} finds the corresponding layer most often, in {_found(first)}, and "
            f"{names[1]} least often, in {_found(last)}"
        )
    return f"{words}; guessing would in {percent(first['chance'])}."


def measure_name(convention: str) -> str:
    """A convention with spaces where it may break.

    >>> measure_name("cka[linear,centred,debiased,averaged]")
    'cka[linear, centred, debiased, averaged]'
    """
    return convention.replace(",", ", ")


def _ranked(identification: pl.DataFrame) -> pl.DataFrame:
    return identification.filter(pl.col("total") > 0).sort(
        "accuracy", "features", "measure", descending=[True, False, False]
    )


def _found(row: dict[str, object]) -> str:
    return f"{row['correct']} of {count(int(str(row['total'])), 'case')}"
