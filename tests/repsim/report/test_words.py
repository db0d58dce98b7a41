"""The words of a report follow from its numbers."""

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from repsim.drawing import epsilon_colours
from repsim.report import match_curves, similarity_by_depth, tolerance_map, training_curves
from repsim.report.answer import answer
from repsim.report.cautions import cautions
from repsim.report.conventions import conventions
from repsim.report.course import course
from repsim.report.page import prose
from repsim.report.summary import nearest, summarise
from repsim.report.unrelated import unrelated_distance
from repsim.results import Tables


def words(tables, facts):
    found = answer(summarise(tables, facts))
    return found.lead, " ".join(found.points)


def warned(tables, facts):
    return {c.title: " ".join(c.sentences) for c in cautions(summarise(tables, facts), facts)}


def test_the_lead_names_the_layers_that_match_most_and_least(invent):
    lead, _ = words(*invent(layers=["low", "high", "none"], levels=[0.25, 0.1, 0.9]))
    assert lead == (
        "At ε = 0.3 the maximum match holds on average 0.67 of a layer’s neurons "
        "(3 layers, 3 pairs): `low` and `high` match most (1.00), `none` least (0.00)."
    )


def test_the_wider_tolerance_is_reported_beside_the_first(invent):
    _, points = words(*invent(layers=["a", "b", "c"], levels=[0.1, 0.4, 0.9]))
    assert "At ε = 0.5 the mean is 0.67; `a` and `b` match most (1.00), `c` least (0.00)." in points


def test_layers_that_agree_are_not_ranked(invent):
    lead, _ = words(*invent(layers=3, levels=[0.1, 0.1, 0.1]))
    assert lead.endswith("(3 layers, 3 pairs): 1.00 in every layer.")


def test_a_study_of_one_layer_and_pair_has_a_lead_without_ranks(invent):
    lead, points = words(*invent(layers=["only"], levels=[0.1], networks=2))
    assert lead == "At ε = 0.3 the maximum match holds 1.00 of the neurons of `only`."
    assert "There is only one pair" in points


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0.9, 0.1, 0.2, 0.8], "falls from 0.90 at `a` to 0.10 at `b`, then rises to 0.80 at `d`"),
        ([0.1, 0.9, 0.8, 0.2], "rises from 0.10 at `a` to 0.90 at `b`, then falls to 0.20 at `d`"),
        ([0.1, 0.3, 0.5, 0.9], "rises from 0.10 at `a` to 0.90 at `d`"),
        ([0.9, 0.5, 0.5, 0.1], "falls from 0.90 at `a` to 0.50 at `b`, stays there to `c`, then"),
        ([0.50, 0.52, 0.51, 0.55], "stays between 0.50 and 0.55"),
        ([0.0, 0.0, 0.0, 0.0], "is 0.00 at every layer"),
        ([0.0, 0.0, 0.004, 0.0], "stays between 0.00 and < 0.01"),
        ([0.5, np.nan, 0.1, 0.9], "falls from 0.50 at `a` to 0.10 at `c`, then rises to 0.90"),
        ([0.5, 0.3, 0.7, 0.52], "falls from 0.50 at `a` to 0.30 at `b`, rises to 0.70 at `c`, th"),
        # "falls with depth" would be false of both.
        ([0.26, 0.0, 0.0, 0.0], "falls from 0.26 at `a` to 0.00 at `b`, then stays there to `d`"),
        ([0.9, 0.5, 0.1, 0.2], "falls from 0.90 at `a` to 0.10 at `c`, then rises to 0.20 at `d`"),
        ([0.9, 0.9, 0.9, 0.1], "stays at 0.90 to `c`, then falls to 0.10 at `d`"),
    ],
)
def test_the_course_over_depth_is_named(values, said):
    assert course(np.array(values), ("a", "b", "c", "d")).startswith(said)


def test_a_course_with_many_turns_is_told_by_its_ends_and_extremes():
    values = np.array([0.5, 0.3, 0.7, 0.1, 0.9, 0.4])
    assert course(values, "abcdef") == (
        "goes from 0.50 at `a` by way of 0.10 at `d` (the lowest) and 0.90 at `e` (the highest) to "
        "0.40 at `f`"
    )
    assert course(values[[4, 1, 2, 0, 2, 3]], "abcdef") == (
        "goes from 0.90 at `a` (the highest) to 0.10 at `f` (the lowest)"
    )


def test_a_jump_is_reported_with_its_layer_size_and_place(invent):
    _, points = words(*invent(layers=["calm", "jumpy"], levels=[0.2, 0.42], dead=16))
    assert "jumps in 2 of 2 layers in at least one pair, and in 2 in every pair" in points
    assert "75.0 % of the neurons of both networks enter the match together near ε = 0.2" in points


def test_pairs_that_differ_are_named(invent):
    tables, facts = invent(layers=["a", "b"], levels=[0.1, 0.1])
    one_pair = (pl.col("network_a") == "seed-0") & (pl.col("network_b") == "seed-1")
    lowered = tables.results.with_columns(
        pl.when(one_pair & (pl.col("layer") == "b"))
        .then(0.25)
        .otherwise(pl.col("value"))
        .alias("value")
    )
    _, points = words(replace(tables, results=lowered), facts)
    assert "The pairs differ: at ε = 0.3 they differ most at `b`, from 0.25 to 1.00." in points
    _, points = words(tables, facts)
    assert "At ε = 0.3 the similarity of each layer is the same in every pair." in points


def test_accuracies_are_told_with_their_networks(invent):
    _, points = words(*invent(accuracies=(0.971, 0.980, 0.975)))
    said = "On the test split the accuracies run from 97.1 % (`seed-0`) to 98.0 % (`seed-1`)."
    assert points.endswith(said)
    _, points = words(*invent(accuracies=(0.96995, 0.96995, 0.96995)))
    assert "Each of 3 networks reaches 97.0 % on the test split." in points


def test_few_samples_are_warned_of_with_the_reason(invent):
    assert warned(*invent()) == {}
    said = warned(*invent(samples=640))["Few samples for so many neurons"]
    assert "All 6 layers have more than 0.05 neurons per sample" in said
    assert "64 neurons and 640 samples (0.100)" in said
    assert "was not measured" in said
    assert "from about ε = 0.78." in said
    said = warned(*invent(samples=100, epsilons=(0.3, 0.5)))["Few samples for so many neurons"]
    assert "from about ε = 0.50." in said
    said = warned(*invent(samples=64))["Few samples for so many neurons"]
    assert "even unrelated neurons match at every ε" in said


@pytest.mark.parametrize("centred", [False, True])
def test_the_yardstick_is_what_unrelated_neurons_show(centred):
    rng = np.random.default_rng(1)
    distances = []
    for _ in range(20):
        draws = np.maximum(rng.normal(size=(1000, 65)), 0)
        if centred:
            draws -= draws.mean(axis=0)
        basis, target = draws[:, :64], draws[:, 64]
        left = target - basis @ np.linalg.lstsq(basis, target, rcond=None)[0]
        distances.append(np.linalg.norm(left) / np.linalg.norm(target))
    expected = unrelated_distance(64 / 1000, centred=centred)
    assert math.isclose(float(np.mean(distances)), expected, rel_tol=0.02)


def test_dead_neurons_are_warned_of_with_the_ceiling(invent):
    said = warned(*invent(dead=16))["Many dead neurons"]
    assert "All 6 layers have more than 10 % of neurons that are never active" in said
    assert "can be at most 0.75" in said
    assert "Many dead neurons" not in warned(*invent(dead=5))


def test_ties_are_warned_of(invent):
    tables, facts = invent()
    tied = tables.results.with_columns(pl.when(pl.col("ties") == 0).then(1).alias("ties"))
    said = warned(replace(tables, results=tied), facts)["Some decisions are within rounding"]
    assert "90 decisions (a neuron of a pair, at an ε) were made by rounding" in said


def test_what_is_missing_is_said_once(invent):
    said = warned(*invent(failed=["seed-1"]))["This report is incomplete"]
    assert said == "Network `seed-1` failed: the loss was not finite."
    told = "seed-1: killed after two epochs."
    said = warned(*invent(failed=["seed-1"], missing=[told]))["This report is incomplete"]
    assert said == told


def test_a_network_is_not_taken_for_one_with_a_longer_name(invent):
    said = warned(*invent(failed=["seed-1"], missing=["seed-10: not trained yet."]))
    assert "Network `seed-1` failed" in said["This report is incomplete"]


def test_holes_in_the_results_are_counted(invent):
    tables, facts = invent(layers=2)
    holed = replace(tables, results=tables.results.slice(3))
    assert "3 of 30 results" in warned(holed, facts)["This report is incomplete"]


def test_conventions_state_centring_and_let_the_study_replace_a_term(invent):
    tables, facts = invent()
    assert dict(conventions(tables, facts))["Centring"].startswith("Uncentred")
    centred = replace(facts, centred=True, conventions=(("ε", "Exclusive."), ("More", "Words.")))
    stated = dict(conventions(tables, centred))
    assert "was removed" in stated["Centring"]
    assert stated["ε"] == "Exclusive."
    assert list(stated)[-1] == "More"


def test_each_figure_says_what_it_shows(invent):
    tables, facts = invent(layers=["a", "b", "c"], levels=[0.1, 0.4, 0.9], accuracies=[0.9] * 3)
    summary = summarise(tables, facts)
    found = {
        module: module.draw(summary).finding
        for module in (similarity_by_depth, tolerance_map, match_curves, training_curves)
    }
    assert found[similarity_by_depth] == (
        "From ε = 0.15 to ε = 0.5 the mean similarity over pairs rises most at `b` (0.00 to 1.00), "
        "and least at `a` and `c` (by 0.00)."
    )
    assert found[tolerance_map] == (
        "As a mean over pairs, half of the neurons match from about ε = 0.10 on at `a`, but only "
        "from about ε = 0.90 on at `c` (independent rectified Gaussian neurons would match there "
        "from about ε = 0.82)."
    )
    assert found[match_curves] == (
        "The largest single rise is at `a` of `seed-0` and `seed-1`, where 100.0 % of the neurons "
        "of both networks enter the match together near ε = 0.10."
    )
    assert "On the test split after 12 epochs" in found[training_curves]


def test_the_curve_of_a_layer_counts_its_critical_epsilons(invent):
    tables, facts = invent(layers=1, levels=[0.42], networks=2, dead=16)
    summary = summarise(tables, facts)
    at = {0.415: 0.0, 0.42: 0.75, 1.0: 0.75}
    for epsilon, share in at.items():
        assert summary.curves[0, 0, round(epsilon * 200)] == share


def test_curves_agree_with_the_results_they_stand_beside(invent):
    summary = summarise(*invent())
    for place, epsilon in enumerate(summary.epsilons):
        np.testing.assert_allclose(
            summary.curves[:, :, round(epsilon * 200)], summary.similarity[:, :, place]
        )


def test_the_nearest_epsilon_is_chosen_and_the_smaller_of_two():
    assert nearest((0.15, 0.25, 0.5), 0.3) == 1
    assert nearest((0.2, 0.4), 0.3) == 0


def test_epsilon_colours_can_be_told_apart():
    for dark in (False, True):
        colours = epsilon_colours(8, dark=dark)
        assert len(set(colours)) == 8


def test_prose_escapes_first_and_sets_code_second():
    assert prose("`<b>` at ε = 0.3") == "<code>&lt;b&gt;</code> at ε\u00a0=\u00a00.3"


def test_a_measure_that_the_report_does_not_draw_does_not_disturb_it(invent):
    tables, facts = invent(layers=2)
    extra = tables.results.head(1).with_columns(
        measure=pl.lit("a later measure"), epsilon=pl.lit(None, dtype=pl.Float64), value=9.0
    )
    more = Tables.from_rows(
        networks=tables.networks,
        layers=tables.layers,
        results=pl.concat([tables.results, extra]),
        neurons=tables.neurons,
    )
    assert words(more, facts)[0] == words(tables, facts)[0]
