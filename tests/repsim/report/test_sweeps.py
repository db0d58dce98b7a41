"""Similarity within variants against a swept key and against accuracy."""

import itertools

import numpy as np
import polars as pl
import pytest
from scipy.stats import pearsonr, spearmanr

from repsim.drawing import house_style
from repsim.report import build_report
from repsim.report.groups import grouped
from repsim.report.score_scatter import draw_scores
from repsim.report.sweep_curves import draw_sweep
from repsim.report.sweeps import score_trend, score_words, sweep_words, swept
from tests.repsim.report.group_rows import invent_groups, invent_sweep
from tests.repsim.report.test_build import outline


def keyed(**values):
    """A sweep over the keys of these values, every combination a variant."""
    names = {
        ", ".join(f"{key}={value:g}" for key, value in zip(values, chosen, strict=True)): {
            f"training.{key}": value for key, value in zip(values, chosen, strict=True)
        }
        for chosen in itertools.product(*values.values())
    }
    tables, facts = invent_groups(variants=list(names), seeds=2, layers=2, sweep=names)
    return grouped(tables, facts.variants), facts


def test_the_trend_is_of_the_pairs_within_each_variant():
    tables, facts = invent_sweep()
    groups = grouped(tables, facts.variants)
    (sweep,) = swept(groups, facts.sweep)
    assert sweep.key == "training.learning_rate"
    assert sweep.trend.x.tolist() == [0.001 * 2**place for place in range(8)]
    for variant in range(8):
        pairs = (groups.variant_of[groups.first] == variant) & (
            groups.variant_of[groups.second] == variant
        )
        values = groups.leading.values[pairs]
        np.testing.assert_allclose(sweep.trend.layers[variant], values.mean(axis=0))
        assert sweep.trend.mean[variant] == pytest.approx(values.mean())
        assert sweep.trend.deviation[variant] == pytest.approx(values.mean(axis=1).std(ddof=1))
    expected = spearmanr(sweep.trend.x, sweep.trend.mean).statistic
    assert sweep.trend.spearman.value == pytest.approx(expected)


def test_the_words_have_the_ends_and_the_rank_correlation():
    tables, facts = invent_sweep(noise=0.0)
    (sweep,) = swept(grouped(tables, facts.variants), facts.sweep)
    assert sweep_words(sweep) == (
        "The area under the match curve within a variant is 0.60 at `training.learning_rate` = "
        "0.001 and 0.38 at 0.128, as a mean over layers (Spearman’s ρ = −1.00 over 8 variants, "
        "p = .00005)."
    )


def test_two_variants_have_no_correlation():
    groups, facts = keyed(rate=(0.1, 0.2))
    (sweep,) = swept(groups, facts.sweep)
    assert "Spearman" not in sweep_words(sweep)
    assert sweep_words(sweep).endswith("at 0.2, as a mean over layers.")


@pytest.mark.parametrize(
    ("values", "logarithmic"),
    [
        ((1, 2, 3), False),
        ((8, 16, 32), True),
        ((0.01, 0.05, 0.2), True),
        ((0, 10, 1000), False),
        ((-1, 10, 1000), False),
        ((1, 2), False),
        ((1, 11), True),
    ],
)
def test_an_axis_is_logarithmic_where_values_span_much_or_are_multiples(values, logarithmic):
    groups, facts = keyed(rate=values)
    (sweep,) = swept(groups, facts.sweep)
    assert sweep.logarithmic is logarithmic
    with house_style():
        scale = draw_sweep(groups, sweep).figure.axes[0].get_xscale()
    assert scale == ("log" if logarithmic else "linear")


def test_a_sweep_of_two_keys_has_a_figure_for_each():
    groups, facts = keyed(rate=(0.1, 0.2), width=(8, 16, 32))
    rate, width = swept(groups, facts.sweep)
    assert (rate.key, width.key) == ("training.rate", "training.width")
    with house_style():
        names = [draw_sweep(groups, one).name for one in (rate, width)]
    assert names == ["similarity-by-training-rate", "similarity-by-training-width"]


def test_variants_without_a_number_or_without_pairs_are_no_part_of_a_trend():
    tables, facts = invent_groups(variants=("base", "a=1", "a=2"), seeds=2, layers=2)
    groups = grouped(tables, facts.variants)
    (sweep,) = swept(groups, {"a=1": {"a": 1.0}, "a=2": {"a": 2.0}, "gone": {"a": 3.0}})
    assert sweep.trend.variants == (1, 2)
    assert swept(groups, {"a=1": {"a": 1.0}, "a=2": {"a": 1.0}}) == ()
    assert swept(groups, {}) == ()


def test_accuracy_that_varies_has_both_correlations():
    tables, facts = invent_sweep()
    groups = grouped(tables, facts.variants)
    trend = score_trend(groups, tables.networks)
    assert trend.spearman.value == pytest.approx(spearmanr(trend.x, trend.mean).statistic)
    assert trend.pearson.value == pytest.approx(pearsonr(trend.x, trend.mean).statistic)
    words = score_words(trend)
    assert words.startswith("Over 8 variants, whose accuracy on the test split runs from 68.6 %")
    assert "(Spearman, p = " in words
    assert " and a linear one of " in words


def test_accuracy_that_does_not_vary_has_no_trend():
    tables, facts = invent_groups(variants=("a", "b", "c"), seeds=2)
    assert score_trend(grouped(tables, facts.variants), tables.networks) is None


def test_a_sweep_is_in_the_answer_and_among_the_figures():
    tables, facts = invent_sweep(variants=4, seeds=2, layers=3)
    files = build_report(tables, facts)
    page = " ".join(outline(files["report.html"]).texts)
    assert "The area under the match curve within a variant is" in page
    for name in ("similarity-by-training-learning-rate", "similarity-by-accuracy"):
        assert f"figures/{name}.svg" in files


def test_r2_that_varies_has_a_trend_under_its_name():
    tables, facts = invent_sweep()
    networks = tables.networks.with_columns(
        test_r2="test_accuracy",
        train_r2="train_accuracy",
        train_accuracy=pl.lit(None, pl.Float64),
        test_accuracy=pl.lit(None, pl.Float64),
    )
    groups = grouped(tables, facts.variants)
    trend = score_trend(groups, networks)
    assert "whose R² on the test split runs from 0.686 to " in score_words(trend)
    drawing = draw_scores(groups, trend)
    assert (drawing.name, drawing.figure.axes[0].get_xlabel()[:2]) == ("similarity-by-r2", "R²")
