"""Figure: similarity within variants against their accuracy, R² or perplexity on the test split."""

import numpy as np
from matplotlib.ticker import MaxNLocator, PercentFormatter

from repsim.drawing import MUTED, PAPER, new_figure
from repsim.report.drawing import Drawing
from repsim.report.groups import Groups
from repsim.report.scores import ACCURACY
from repsim.report.sweeps import Trend, score_words
from repsim.report.variant_colours import variant_colours, variant_legend

__all__ = ["draw_scores"]


def draw_scores(groups: Groups, trend: Trend) -> Drawing:
    """The figure."""
    score = trend.score or ACCURACY
    figure = new_figure(4.6, 3.2)
    axes = figure.add_axes((0, 0, 1, 1))
    every = variant_colours(len(groups.variants))
    colours = [every[variant] for variant in trend.variants]
    axes.vlines(
        trend.x,
        trend.mean - np.nan_to_num(trend.deviation),
        trend.mean + np.nan_to_num(trend.deviation),
        color=MUTED,
        linewidth=0.9,
    )
    axes.scatter(trend.x, trend.mean, s=34, color=colours, edgecolor=PAPER, linewidth=0.6, zorder=3)
    axes.margins(0.08)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    if score is ACCURACY:
        axes.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.set_xlabel(f"{score.title} on the test split, mean over the networks of a variant")
    axes.set_ylabel(trend.measure.name)
    variant_legend(axes, groups.variants)
    return Drawing(
        name=f"similarity-by-{score.slug}",
        title=f"Similarity within variants against {score.name}",
        finding=score_words(trend),
        reading=(
            "A point for each variant: the mean over layers and over the pairs within it; bars are "
            "one standard deviation of its pairs to each side. p: from permutations of the "
            "variants."
        ),
        figure=figure,
    )
