"""Figure: loss and scores of each network while it trained."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    PercentFormatter,
)

from repsim.drawing import CATEGORICAL, MUTED, new_figure, shortened, size_of
from repsim.report.drawing import Drawing
from repsim.report.phrasing import code
from repsim.report.scores import ACCURACY, Score, score_of
from repsim.report.summary import Summary
from repsim.report.variant_colours import variant_colours, variant_legend
from repsim.text import count

_WIDTH, _HEIGHT, _GAP = 7.6, 2.2, 0.55  # Inches.
# A loss that falls by more than this many times is drawn on a logarithmic axis.
_WIDE_RANGE = 20
# Of accuracies, half a point; and of R².
LARGE_GAP = 0.005


def draw(summary: Summary) -> Drawing | None:
    """The figure, or None where nothing was trained here."""
    training = summary.training
    if not training.height:
        return None
    score = score_of(summary.networks)
    panels = (
        ("train_loss", "Training loss"),
        (score.train, f"Train {score.name}"),
        (score.test, f"Test {score.name}"),
    )
    figure = new_figure(_WIDTH, _HEIGHT)
    width = size_of(figure)[0]
    panel = (width - 2 * _GAP) / 3
    names = training["network"].unique(maintain_order=True).to_list()
    runs = {name: training.filter(pl.col("network") == name) for name in names}
    variants = tuple(summary.networks["variant"].unique(maintain_order=True))
    few = len(names) <= len(CATEGORICAL)
    if len(variants) > 1:
        of_variant = dict(zip(variants, variant_colours(len(variants)), strict=True))
        variant_of = dict(summary.networks.select("network", "variant").iter_rows())
        colours = [of_variant[variant_of[name]] for name in names]
    else:
        colours = list(CATEGORICAL[: len(names)]) if few else [MUTED] * len(names)
    for place, (column, title) in enumerate(panels):
        axes = figure.add_axes((place * (panel + _GAP) / width, 0, panel / width, 1))
        axes.set_title(title, loc="left", fontsize=9)
        axes.set_xlabel("Epoch")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
        for name, colour in zip(names, colours, strict=True):
            _line(axes, runs[name], column, colour, few=few)
        if column == "train_loss":
            _scale_loss(axes, training)
        else:
            _scale_score(axes, training, score)
    if len(variants) > 1:
        variant_legend(figure.axes[-1], variants)
    elif few:
        figure.legend(
            handles=figure.axes[0].get_lines(),
            labels=[shortened(name, 28) for name in names],
            loc="lower left",
            bbox_to_anchor=(-0.01, 1.1),
            ncols=min(len(names), 3 if max(map(len, names)) > 18 else 6),
            frameon=False,
            borderaxespad=0,
            handlelength=1.4,
        )
    return Drawing(
        name="training-curves",
        title="Training",
        finding=_finding(summary, score),
        reading=(
            f"One line for each of {count(len(names), 'network')}"
            f"{', in the colour of its variant' if len(variants) > 1 else ''}. Train {score.name} "
            "runs over an epoch’s batches while the network still changes; test "
            f"{score.name} is taken after it."
        ),
        figure=figure,
    )


def _line(axes: Axes, run: pl.DataFrame, column: str, colour: str, *, few: bool) -> None:
    axes.plot(
        run["epoch"].to_numpy(),
        run[column].to_numpy(),
        color=colour,
        alpha=0.95 if few else 0.45,
        linewidth=1.3 if few else 0.8,
        marker="o" if run.height == 1 or (few and run.height <= 12) else None,
        markersize=2.6,
        markeredgewidth=0,
    )


def _scale_loss(axes: Axes, training: pl.DataFrame) -> None:
    losses = training["train_loss"]
    low, high = losses.min(), losses.max()
    if not isinstance(low, float) or not isinstance(high, float):
        return
    if low > 0 and high > _WIDE_RANGE * low:
        axes.set_yscale("log")
        # The usual formatter writes powers as mathematics, which names here must never become.
        axes.yaxis.set_major_formatter(FuncFormatter(lambda loss, _: f"{loss:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(visible=False, which="minor")
        axes.tick_params(which="minor", length=0)
    else:
        axes.set_ylim(bottom=0)


def _scale_score(axes: Axes, training: pl.DataFrame, score: Score) -> None:
    """The same axis for both scores, so that the gap between them can be seen.

    Perplexities have a logarithmic one: a factor is a number of bits. R² below 0 is worse than a
    constant answer: how much worse is not drawn beyond -1.
    """
    if score.low_is_good:
        values = [v for column in (score.train, score.test) for v in training[column].drop_nulls()]
        axes.set_yscale("log")
        axes.set_ylim(0.9 * min(values, default=1.0), 1.1 * max(values, default=10.0))
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        return
    low = min(
        (v for column in (score.train, score.test) for v in training[column].drop_nulls()),
        default=0.0,
    )
    floor = max(0.0 if score is ACCURACY else -1.0, low - 0.08 * (1 - low))
    axes.set_ylim(floor, 1 + 0.04 * (1 - floor) + 1e-3)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    if score is ACCURACY:
        axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))


def _finding(summary: Summary, score: Score) -> str:
    last = summary.training.group_by("network", maintain_order=True).last()
    epochs = last["epoch"].to_list()
    ends = last.drop_nulls(score.test).sort(score.test, maintain_order=True)
    few, many = min(epochs), max(epochs)
    length = f"after {count(few, 'epoch')}" if few == many else f"after {few} to {many} epochs"
    if not ends.height:
        return f"The training curves end {length}; {score.name} on the test split was not taken."
    low, high = score.words(ends[score.test][0]), score.words(ends[score.test][-1])
    gaps = ends[score.train] - ends[score.test]
    higher = "Train"
    if score.low_is_good:
        gaps, higher = -gaps, "Test"
    gap = float(gaps.max())  # type: ignore[arg-type]
    most = ", the most of all" if ends.height > 1 else ""
    reach = (
        f"{code(ends['network'][0])} reaches {score.prefix}{low} on the test split {length}"
        if ends.height == 1
        else f"On the test split {length} the {score.plural} run from {low} "
        f"({code(ends['network'][0])}) to {high} ({code(ends['network'][-1])})"
    )
    if gap > LARGE_GAP:
        widest = ends["network"][int(gaps.arg_max() or 0)]
        return (
            f"{reach}. {higher} {score.name} is {score.difference(gap)} higher for "
            f"{code(widest)}{most}."
        )
    half = score.difference(LARGE_GAP)
    return f"{reach}. No network’s {higher.lower()} {score.name} is more than {half} higher."
