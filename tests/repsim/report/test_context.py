"""What stands beside a value: the corrected one with its interval, and what the nulls ask."""

import numpy as np
import polars as pl
import pytest

from repsim.report import build_report, match_curves, similarity_by_depth
from repsim.report.answer import answer
from repsim.report.conventions import conventions
from repsim.report.intervals import with_intervals as beside
from repsim.report.measure_layers import leading, measure_layers
from repsim.report.measures_by_depth import draw_measures
from repsim.report.summary import CURVE_EPSILONS, summarise
from repsim.uncertainty import p_words
from tests.repsim.report.context_rows import (
    replaced,
    with_columns,
    with_critical_intervals,
    with_intervals,
    with_nulls,
)


def points(tables, facts):
    summary = summarise(tables, facts)
    return answer(summary, measure_layers(tables, summary)).points


@pytest.mark.parametrize(
    ("p", "permutations", "said"),
    [
        (0.05, 19, "p ≤ .05, the least possible with 19 permutations"),
        (1 / 1000, 999, "p ≤ .001, the least possible with 999 permutations"),
        (1 / 17, 16, "p ≤ .059, the least possible with 16 permutations"),  # not below: rounded up
        (0.5, 1, "p ≤ .50, the least possible with 1 permutation"),
        (0.1, 19, "p = .10"),
        (0.05, 99, "p = .05"),
        (0.0526, None, "p = .053"),  # not .05
        (0.996, 999, "p = 1"),
        (1.0, 19, "p = 1"),
    ],
)
def test_a_p_value_at_its_floor_says_so(p, permutations, said):
    assert p_words(p, permutations) == said
    assert p_words(p, permutations, brief=True) == said.split(",")[0]


def test_a_corrected_value_needs_its_interval_in_every_pair_with_a_value():
    value = np.array([[0.5, 0.5, 0.5, np.nan], [0.7, 0.7, np.nan, np.nan]])
    corrected = np.array([[0.4, 0.4, 0.4, np.nan], [0.6, np.nan, np.nan, np.nan]])
    shown = beside(value, corrected, corrected - 0.1, corrected + 0.2)
    np.testing.assert_array_equal(shown.corrected, [True, False, True, False])
    np.testing.assert_allclose(shown.mean, [0.5, 0.6, 0.4, np.nan])
    np.testing.assert_allclose(shown.low, [0.4, np.nan, 0.3, np.nan])
    np.testing.assert_allclose(shown.high, [0.7, np.nan, 0.6, np.nan])


def test_similarity_against_depth_is_drawn_corrected_with_its_interval(invent):
    tables, facts = invent(layers=["a", "b"], levels=[0.1, 0.1], epsilons=(0.3,))
    drawing = similarity_by_depth.draw(
        summarise(with_intervals(tables, bias=0.1, reach=0.05), facts)
    )
    axes = drawing.figure.axes[0]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [0.9, 0.9])
    bars = [collection for collection in axes.collections if hasattr(collection, "get_segments")]
    ends = [segment[:, 1].tolist() for segment in bars[-1].get_segments()]
    np.testing.assert_allclose(ends, [[0.85, 0.95]] * 2)
    assert "Values are corrected for the number of examples" in drawing.reading
    assert "Open points" not in drawing.reading
    assert drawing.finding == "At ε = 0.3 the mean similarity over pairs is 0.90 at every layer."
    plain = similarity_by_depth.draw(summarise(tables, facts))
    assert "orrected" not in plain.reading
    np.testing.assert_allclose(plain.figure.axes[0].lines[0].get_ydata(), [1, 1])


def test_a_layer_without_an_interval_is_drawn_as_computed_and_open(invent):
    tables, facts = invent(layers=["a", "b"], levels=[0.1, 0.1], epsilons=(0.3,))
    made = with_intervals(tables, bias=0.1)
    lost = (pl.col("layer") == "b") & (pl.col("network_a") == "seed-1")
    made = with_columns(made, corrected=pl.when(~lost).then("corrected"))
    drawing = similarity_by_depth.draw(summarise(made, facts))
    np.testing.assert_allclose(drawing.figure.axes[0].lines[0].get_ydata(), [0.9, 1.0])
    assert drawing.reading.endswith("Open points have no interval and are as computed.")
    filled, hollow = (line.get_ydata() for line in drawing.figure.axes[0].lines[1:3])
    np.testing.assert_allclose(filled, [0.9, np.nan])
    np.testing.assert_allclose(hollow, [np.nan, 1.0])


def test_the_match_curve_has_the_interval_of_its_critical_epsilons(invent):
    tables, facts = invent(layers=["a"], networks=2, levels=[0.4], dead=16)
    summary = summarise(with_critical_intervals(tables, reach=0.05), facts)
    low, high = summary.curves_low[0, 0], summary.curves_high[0, 0]
    at = {0.3: (0, 0), 0.36: (0, 0.75), 0.44: (0, 0.75), 0.46: (0.75, 0.75), 1.0: (0.75, 0.75)}
    for epsilon, ends in at.items():
        place = int(np.abs(CURVE_EPSILONS - epsilon).argmin())
        assert (low[place], high[place]) == ends
    drawing = match_curves.draw(summary)
    assert "Blue band: the interval over examples, from the intervals" in drawing.reading
    assert len(drawing.figure.axes[0].collections) == 2  # the band, and the dots
    without = match_curves.draw(summarise(tables, facts))
    assert "band" not in without.reading
    assert len(without.figure.axes[0].collections) == 1


def test_a_neuron_without_an_upper_end_is_in_no_lower_bound(invent):
    tables, facts = invent(layers=["a"], networks=2, levels=[0.4])
    made = with_critical_intervals(tables)
    open_end = pl.when(pl.col("neuron") < 32).then("critical_high")
    made = replaced(made, neurons=made.neurons.with_columns(critical_high=open_end))
    summary = summarise(made, facts)
    assert summary.curves_low[0, 0, -1] == 0.5
    assert summary.curves_high[0, 0, -1] == 1


def test_a_layer_of_which_one_pair_lacks_intervals_has_no_band(invent):
    tables, facts = invent(layers=["a"])
    made = with_critical_intervals(tables)
    kept = pl.col("network_a") == "seed-0"
    ends = {n: pl.when(kept).then(n).alias(n) for n in ("critical_low", "critical_high")}
    made = replaced(made, neurons=made.neurons.with_columns(**ends))
    assert "Blue band" not in match_curves.draw(summarise(made, facts)).reading


def test_the_answer_leads_with_permutations_within_classes(invent):
    tables, facts = invent(layers=["a", "b", "c"], levels=[0.1, 0.1, 0.9], networks=2)
    found = points(with_nulls(tables, plain=0.05, within=0.6), facts)
    within, plain = (i for i, point in enumerate(found) if point.startswith("Permutations of"))
    assert found[within] == (
        "Permutations of the examples within their classes ask whether the networks agree on more "
        "than the classes. The match at ε = 0.3 shows more similarity than any of 19 such "
        "permutations at 2 of 3 layers (over all layers at once: p ≤ .05, the least possible with "
        "19 permutations); the area under the match curve at 2 of 3 layers (over all layers at "
        "once: p ≤ .05, the least possible with 19 permutations)."
    )
    assert "ask only whether the networks saw the same inputs in the same order" in found[plain]
    assert "untrained networks, and layers that share only the labels" in found[plain]


def test_a_null_that_some_pairs_reach_is_not_said_of_every_pair(invent):
    tables, facts = invent(layers=["a"], levels=[0.1], epsilons=(0.3,))
    made = with_nulls(tables, plain=0.5, p_layers=0.1)
    weak = (pl.col("network_a") == "seed-0") & (pl.col("network_b") == "seed-1")
    made = with_columns(made, null_high=pl.when(weak).then(1.0).otherwise("null_high"))
    (point,) = (p for p in points(made, facts) if p.startswith("Permutations"))
    assert "permutations at 0 of 1 layer in every pair and at 1 more in some; the" in point
    certain = with_nulls(tables, plain=0.5, p_layers=0.1)
    (point,) = (p for p in points(certain, facts) if p.startswith("Permutations"))
    assert "at 1 of 1 layer in every pair (over all layers at once: p = .10);" in point


def test_a_value_less_similar_than_every_permutation_is_not_beyond_them(invent):
    tables, facts = invent(layers=["a"], levels=[0.9], networks=2, epsilons=(0.3,))
    made = with_columns(with_nulls(tables), null_low=0.2, null_mean=0.3, null_high=0.4)
    (point,) = (p for p in points(made, facts) if p.startswith("Permutations"))
    assert "such permutations at 0 of 1 layer; the" in point


def test_without_nulls_nothing_is_said_of_permutations(invent):
    assert not [p for p in points(*invent()) if "ermutation" in p]


@pytest.mark.parametrize("within", [None, 0.6])
def test_figure_and_conventions_name_the_nulls_that_there_are(invent, within):
    tables, facts = invent(layers=3)
    made = with_intervals(with_nulls(tables, plain=0.05, within=within), bias=0.05)
    summary = summarise(made, facts)
    measures = measure_layers(made, summary)
    assert leading(measures) == ("plain" if within is None else "within")
    reading = draw_measures(summary, measures).reading
    assert "Filled points are corrected for the number of examples" in reading
    assert "open points are as computed, to be compared with the grey" in reading
    asked = dict(conventions(made, facts))
    assert asked["Corrected"].startswith("A value that is corrected for the number of examples")
    classes = "within their classes"
    assert (classes in reading, classes in asked["Permutations"]) == (within is not None,) * 2
    assert ("Dashed" in reading) == (within is not None)
    assert not {"Corrected", "Permutations"} & dict(conventions(tables, facts)).keys()


def test_a_page_with_everything_beside_its_values_is_built(invent):
    tables, facts = invent(layers=3)
    made = with_intervals(with_nulls(tables, plain=0.05, within=0.3), bias=0.02)
    page = build_report(with_critical_intervals(made), facts)["report.html"].decode()
    assert "p ≤ .05, the least possible with 19 permutations" in page
    assert "exchange" not in page
