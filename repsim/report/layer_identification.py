"""Figure: how often each measure finds the layer that corresponds, in another network."""

import polars as pl

from repsim.drawing import ACCENT, INK, new_figure
from repsim.report.drawing import Drawing
from repsim.report.phrasing import listing, percent
from repsim.text import count

__all__ = ["draw_identification", "identification_words"]

_BAR = 0.27  # Inches of height for each measure.


def draw_identification(identification: pl.DataFrame) -> Drawing | None:
    """The figure, or None where no layer could be looked for."""
    rows = _ranked(identification)
    if not rows.height:
        return None
    figure = new_figure(4.6, _BAR * rows.height + 0.1)
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
    """The best and the worst measures, beside guessing."""
    rows = _ranked(identification)
    if not rows.height:
        return "No layer has a counterpart in another network."
    best, worst = (rows.filter(pl.col("accuracy") == end) for end in _ends(rows))
    chances = sorted({percent(chance) for chance in rows["chance"]})
    guessing = f"guessing would in {' to '.join(dict.fromkeys((chances[0], chances[-1])))}"
    if rows.height == 1:
        words = f"{_measures(best)} finds the corresponding layer in {_found(best)}"
    elif best.height == rows.height:
        words = f"All {rows.height} measures find the corresponding layer in {_found(best)}"
    else:
        words = (
            f"{_measures(best)} {'finds' if best.height == 1 else 'find'} the corresponding layer "
            f"most often, in {_found(best)}, and {_measures(worst)} least often, in {_found(worst)}"
        )
    return f"{words}; {guessing}."


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


def _ends(rows: pl.DataFrame) -> tuple[float, float]:
    """The highest and the lowest accuracy of ranked rows."""
    return rows["accuracy"][0], rows["accuracy"][-1]


def _measures(rows: pl.DataFrame) -> str:
    return listing([measure_name(measure) for measure in rows["measure"]])


def _found(rows: pl.DataFrame) -> str:
    """In how many cases measures of one accuracy find the layer."""
    counts = set(rows.select("correct", "total").iter_rows())
    if len(counts) > 1:
        return f"{percent(rows['accuracy'][0])} of cases"
    correct, total = counts.pop()
    return f"{correct:,} of {count(total, 'case')}"
