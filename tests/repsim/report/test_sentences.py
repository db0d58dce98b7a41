"""Sentences say no more than their tables: each here on tables of which a looser one is false."""

import numpy as np
import polars as pl
import pytest

from repsim.report import match_curves, similarity_by_depth, tolerance_map, training_curves
from repsim.report.answer import answer
from repsim.report.cautions import cautions
from repsim.report.phrasing import number
from repsim.report.summary import summarise
from tests.repsim.report.context_rows import replaced, with_columns, with_nulls

FEW = "Few samples for so many neurons"


def points(tables, facts):
    return " ".join(answer(summarise(tables, facts)).points)


def warned(tables, facts):
    return {c.title: " ".join(c.sentences) for c in cautions(summarise(tables, facts), facts)}


def with_critical(tables, critical):
    """The tables with these critical epsilons: {(network_a, network_b): one for each neuron}."""
    frames = [
        rows.with_columns(critical=pl.Series(critical[a, b], dtype=pl.Float64))
        for (a, b), rows in tables.neurons.group_by("network_a", "network_b", maintain_order=True)
    ]
    return replaced(tables, neurons=pl.concat(frames))


@pytest.fixture
def one_pair_jumps(invent):
    """Ten neurons a side; one pair jumps by 60 % at 0.2, another by 30 % at 0.8, one does not."""
    tables, facts = invent(layers=["only"], neurons=10)
    smooth = np.linspace(0.05, 0.95, 20)
    early, late = smooth.copy(), smooth.copy()
    early[:12] = 0.2
    late[-6:] = 0.8
    pairs = [("seed-0", "seed-1"), ("seed-0", "seed-2"), ("seed-1", "seed-2")]
    return with_critical(tables, dict(zip(pairs, (smooth, early, late), strict=True))), facts


def test_the_largest_jump_has_the_size_and_the_epsilon_of_one_pair(one_pair_jumps):
    # The means, 31.7 % near ε = 0.35, are true of no pair.
    said = points(*one_pair_jumps)
    assert "The largest rise is at `only` of `seed-0` and `seed-2`, where 60.0 % of the" in said
    assert "together near ε = 0.20." in said
    finding = match_curves.draw(summarise(*one_pair_jumps)).finding
    assert "`seed-0` and `seed-2`, where 60.0 %" in finding


def test_a_layer_jumps_if_any_pair_does(invent):
    # The mean largest rise, 22 %, is no jump.
    tables, facts = invent(layers=["only"], neurons=10)
    smooth = np.linspace(0.05, 0.95, 20)
    jumps = smooth.copy()
    jumps[:11] = 0.2
    pairs = [("seed-0", "seed-1"), ("seed-0", "seed-2"), ("seed-1", "seed-2")]
    tables = with_critical(tables, dict(zip(pairs, (smooth, jumps, smooth), strict=True)))
    assert "jumps in 1 of 1 layer in at least one pair, and in 0 in every pair" in points(
        tables, facts
    )
    tables = with_critical(tables, dict.fromkeys(pairs, smooth))
    assert "No match curve jumps: in no pair and layer do 25 %" in points(tables, facts)


def test_jumps_where_unrelated_neurons_match_are_counted(invent):
    tables, facts = invent(layers=["low", "high"], levels=[0.2, 0.9])
    said = points(tables, facts)
    assert "together near ε = 0.20." in said
    assert "3 of 6 jumps (one for each pair and layer at most) lie at an ε at which" in said
    assert "would match, too" not in points(*invent(layers=["a", "b"], levels=[0.2, 0.3]))


def test_a_tolerance_at_which_unrelated_neurons_match_is_said_to_be_one(invent):
    finding = tolerance_map.draw(summarise(*invent(layers=["a", "b"], levels=[0.3, 0.95]))).finding
    assert "from about ε = 0.95 on at `b` (independent rectified Gaussian neurons" in finding
    finding = tolerance_map.draw(summarise(*invent(layers=["a", "b"], levels=[0.3, 0.7]))).finding
    assert "Gaussian" not in finding


def test_the_tolerance_map_names_all_layers_of_one_epsilon_and_what_the_study_does_not_reach(
    invent,
):
    tables, facts = invent(layers=["a", "b", "c"], levels=[0.7, 0.7, 0.75])
    assert tolerance_map.draw(summarise(tables, facts)).finding == (
        "As a mean over pairs, half of the neurons match from about ε = 0.70 on at `a` and `b`, "
        "but only from about ε = 0.75 on at `c`. No ε of the study (up to 0.5) reaches half."
    )


def test_few_samples_are_not_blamed_where_permutations_match_nothing(invent):
    tables, facts = invent(samples=640)
    said = warned(with_nulls(tables, plain=0.0), facts)[FEW]
    assert "no neuron of these layers matches at any ε of the study in any of 19 permut" in said
    assert "Capture more" not in said
    assert "by chance" not in said


def test_few_samples_are_told_by_what_permutations_match(invent):
    tables, facts = invent(samples=640)
    at = (pl.col("epsilon") == 0.5) & (pl.col("layer") == "relu3")
    null = pl.when(at & (pl.col("network_a") == "seed-1")).then(0.31).otherwise(0.0)
    made = with_columns(with_nulls(tables), null_high=null)
    said = warned(made, facts)[FEW]
    assert "Over 19 permutations of the examples the match holds up to 0.31" in said
    assert "at `relu3` and ε = 0.5. Capture more examples" in said


def test_an_epsilon_at_which_unrelated_neurons_match_is_warned_of(invent):
    title = "Some ε are so large that unrelated neurons match"
    said = warned(*invent(epsilons=(0.3, 0.5, 0.9)))
    assert said == {
        title: "At ε = 0.9 independent rectified Gaussian neurons would match, too: in 6 of 6 "
        "layers, and at `relu1` from about ε = 0.82 on. A match there says nothing by itself."
    }
    assert title not in warned(*invent(epsilons=(0.3, 0.8)))
    said = warned(*invent(samples=64, layers=1, epsilons=(0.3, 0.5)))[title]
    assert said.startswith("At ε = 0.3, 0.5 independent")
    assert "from about ε = 0 on" in said


def test_a_null_of_some_pairs_only_measures_nothing(invent):
    tables, facts = invent(samples=640)
    null = pl.when(pl.col("network_a") == "seed-0").then(0.0)
    assert "was not measured" in warned(with_columns(tables, null_high=null), facts)[FEW]


def test_the_ceiling_of_dead_neurons_is_of_a_mean_and_rounded_up(invent):
    # One pair has no dead neuron: "can be at most" would be false of it.
    tables, facts = invent(layers=["a"], neurons=64)
    dead = pl.when(pl.col("network_a") == "seed-0").then(22).otherwise(0)
    said = warned(with_columns(tables, dead_x=dead, dead_y=dead), facts)["Many dead neurons"]
    assert "`a` has 22.9 %." in said
    assert "`a` can be at most 0.78, as a mean over pairs." in said  # 0.7708


def test_low_accuracy_is_blamed_for_nothing_it_does_not_go_with(invent):
    tables, facts = invent(layers=["a"], levels=[0.1], accuracies=(0.6, 0.97, 0.96))
    low = pl.col("network_a") == "seed-0"
    same = points(tables, facts)
    assert "the pairs of `seed-0` have a mean similarity over layers of 1.00, the others of" in same
    assert same.endswith("1.00: low accuracy does not go with low similarity here.")
    lowered = with_columns(tables, value=pl.when(low).then(0.2).otherwise(0.7))
    assert points(lowered, facts).endswith("similarity over layers of 0.20, the others of 0.70.")
    raised = with_columns(tables, value=pl.when(low).then(0.7).otherwise(0.2))
    assert "does not go with" in points(raised, facts)
    two = points(*invent(networks=2, accuracies=(0.6, 0.97)))
    assert two.endswith(
        "These pairs cannot tell whether that makes a difference to their similarity."
    )


def test_a_similarity_is_not_rounded_to_none_or_all(invent):
    tables, facts = invent(layers=["a", "b"], levels=[0.1, 0.9])
    some = pl.when(pl.col("layer") == "a").then(0.996).otherwise(0.004)
    lead = answer(summarise(with_columns(tables, value=some), facts)).lead
    assert lead.endswith("`a` matches most (> 0.99), `b` least (< 0.01).")
    assert [number(v) for v in (1.0, 1 - 1e-12, 1e-12, 0.0)] == ["1.00", "1.00", "0.00", "0.00"]


def test_layers_are_most_and_least_alike_as_they_are_printed(invent):
    # 0.674 and 0.676 differ by less than any tolerance, and do not print alike.
    tables, facts = invent(layers=["a", "b", "c"], levels=[0.1, 0.1, 0.1])
    values = pl.col("layer").replace_strict({"a": 0.674, "b": 0.676, "c": 0.6741})
    lead = answer(summarise(with_columns(tables, value=values), facts)).lead
    assert lead.endswith("`b` matches most (0.68), `a` and `c` least (0.67).")


def test_the_answer_takes_an_epsilon_that_has_results(invent):
    tables, facts = invent(layers=["a", "b", "c"], levels=[0.1, 0.1, 0.1])
    some = tables.results.filter(pl.col("epsilon").is_null() | (pl.col("epsilon") != 0.3))
    found = answer(summarise(replaced(tables, results=some), facts))
    assert found.lead.startswith("At ε = 0.25 the maximum match holds on average 1.00")


def test_a_small_rise_with_epsilon_is_a_rise(invent):
    tables, facts = invent(layers=["a", "b"], epsilons=(0.3, 0.5), levels=[0.1, 0.1])
    value = pl.when(pl.col("epsilon") == 0.5).then(0.504).otherwise(0.5)
    finding = similarity_by_depth.draw(summarise(with_columns(tables, value=value), facts)).finding
    assert finding.endswith("the mean similarity over pairs rises most at `a` and `b` (by < 0.01).")
    same = similarity_by_depth.draw(summarise(tables, facts)).finding
    assert same == "No layer matches more at ε = 0.5 than at ε = 0.3."


def test_the_gap_to_train_accuracy_is_of_one_network(invent):
    tables, facts = invent(accuracies=(0.9, 0.95, 0.97))
    last = pl.col("epoch") == pl.col("epoch").max()
    training = tables.training.with_columns(
        train_accuracy=pl.when(last & (pl.col("network") == "seed-1"))
        .then(pl.col("test_accuracy") + 0.02)
        .when(last)
        .then(pl.col("test_accuracy"))
        .otherwise("train_accuracy")
    )
    finding = training_curves.draw(summarise(replaced(tables, training=training), facts)).finding
    assert finding.endswith("Train accuracy is 2.0 points higher for `seed-1`, the most of all.")
    even = training.with_columns(train_accuracy=pl.col("test_accuracy"))
    finding = training_curves.draw(summarise(replaced(tables, training=even), facts)).finding
    assert finding.endswith("No network’s train accuracy is more than 0.5 points higher.")


def as_r2(tables):
    """The tables of networks whose targets are numbers."""
    return {
        name: getattr(tables, name).with_columns(
            train_r2="train_accuracy",
            test_r2="test_accuracy",
            train_accuracy=pl.lit(None, pl.Float64),
            test_accuracy=pl.lit(None, pl.Float64),
        )
        for name in ("networks", "training")
    }


def test_where_tokens_are_predicted_words_and_figure_are_of_perplexity(invent):
    tables, facts = invent(accuracies=(0.9, 0.95, 0.97))
    given = {
        name: getattr(tables, name).with_columns(
            train_perplexity=80 * pl.col("train_accuracy"),
            test_perplexity=100 * pl.col("test_accuracy"),
            train_accuracy=pl.lit(None, pl.Float64),
            test_accuracy=pl.lit(None, pl.Float64),
        )
        for name in ("networks", "training")
    }
    summary = summarise(replaced(tables, **given), facts)
    points = " ".join(answer(summary).points)
    assert "the perplexities run from 90.0 (6.49 bits per token) (`seed-0`) to 97.0" in points
    drawing = training_curves.draw(summary)
    titles = [axes.get_title(loc="left") for axes in drawing.figure.axes]
    assert titles == ["Training loss", "Train perplexity", "Test perplexity"]
    assert drawing.figure.axes[2].get_yscale() == "log"
    assert "Test perplexity is " in drawing.finding
    assert "ccurac" not in drawing.finding + drawing.reading + points


def test_where_targets_are_numbers_words_and_figure_are_of_r2(invent):
    tables, facts = invent(accuracies=(0.9, 0.95, 0.97))
    summary = summarise(replaced(tables, **as_r2(tables)), facts)
    points = " ".join(answer(summary).points)
    assert "the values of R² run from 0.900 (`seed-0`) to 0.970 (`seed-2`)" in points
    assert "ccurac" not in points
    drawing = training_curves.draw(summary)
    titles = [axes.get_title(loc="left") for axes in drawing.figure.axes]
    assert titles == ["Training loss", "Train R²", "Test R²"]
    assert "ccurac" not in drawing.finding + drawing.reading
