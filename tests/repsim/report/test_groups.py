"""The section on groups of pairs: its words, its tables and its tests."""

import itertools
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from repsim.drawing import house_style
from repsim.report import build_report
from repsim.report.answer import answer
from repsim.report.conventions import conventions
from repsim.report.group_tests import group_tests
from repsim.report.groups import grouped
from repsim.report.groups_section import groups_section
from repsim.report.groups_words import group_points
from repsim.report.similarity_by_group import draw_groups
from repsim.report.summary import summarise
from tests.repsim.report.group_rows import CKA, invent_groups, invent_sweep
from tests.repsim.report.test_build import outline


def section(tables, facts):
    groups = grouped(tables, facts.variants)
    assert groups is not None
    return groups_section(groups, group_tests(groups))


def test_a_study_without_variants_has_no_groups(invent):
    tables, facts = invent()
    assert grouped(tables, facts.variants) is None
    files = build_report(tables, facts)
    assert b"variant" not in files["report.html"].partition(b"</style>")[2]
    assert "figures/similarity-by-group.svg" not in files


def test_every_pair_is_in_the_group_of_its_variants():
    tables, facts = invent_groups(seeds=3, layers=2)
    groups = grouped(tables, facts.variants)
    assert groups.each.names == ("true labels", "random labels", "true labels – random labels")
    assert groups.each.within == (True, True, False)
    assert [groups.each.pairs(place) for place in range(3)] == [3, 3, 9]
    of_pair = dict(
        tables.results.select(pl.concat_str("network_a", "network_b"), "group").iter_rows()
    )
    for pair, (a, b) in enumerate(zip(groups.first, groups.second, strict=True)):
        name = f"{groups.networks[a]}{groups.networks[b]}"
        assert groups.each.names[groups.each.of_pair[pair]] == of_pair[name]
    for measure in groups.measures:
        epsilon = float(measure.name[-3:]) if "ε" in measure.name else None
        rows = tables.results.filter(
            (pl.col("measure") == measure.convention) & pl.col("epsilon").eq_missing(epsilon)
        )
        np.testing.assert_array_equal(measure.values.ravel(), rows["value"].to_numpy())


def test_mean_and_deviation_are_over_the_pairs_that_have_a_value():
    tables, facts = invent_groups(seeds=3, layers=1)
    groups = grouped(tables, facts.variants)
    values = np.arange(15.0)[:, None]
    values[groups.each.of_pair == 1] = [[4.0], [np.nan], [6.0]]
    values[groups.each.of_pair == 0] = [[np.nan], [np.nan], [1.0]]
    mean, deviation = groups.each.over_pairs(values)
    assert mean[:2, 0].tolist() == [1.0, 5.0]
    assert np.isnan(deviation[0, 0])
    assert deviation[1, 0] == pytest.approx(np.std([4, 6], ddof=1))


def test_the_order_of_variants_is_that_of_the_study():
    tables, facts = invent_groups(seeds=2, layers=1)
    groups = grouped(tables, tuple(reversed(facts.variants)))
    assert groups.variants == ("random labels", "true labels")
    assert groups.each.names[2] == "random labels – true labels"


def test_many_groups_are_pooled_and_the_words_say_so():
    tables, facts = invent_sweep()
    groups = grouped(tables, facts.variants)
    assert groups.shown.names == ("within", "between")
    assert [groups.shown.pairs(place) for place in range(2)] == [24, 252]
    with house_style():
        drawing = draw_groups(groups)
    assert "The 36 groups of 8 variants are pooled: 24 pairs within and 252 pairs between" in (
        drawing.reading
    )
    assert drawing.finding == (
        "The mean area under the match curve is highest within variants at 6 of 6 layers."
    )


def test_the_answer_says_which_group_is_more_similar_with_numbers_and_p():
    tables, facts = invent_groups(noise=0.0, layers=["a", "b", "c"])
    groups = grouped(tables, facts.variants)
    points = group_points(groups, group_tests(groups))
    assert points == [
        "Pairs within `true labels` are more similar than those within `random labels`: as a mean "
        "over layers the area under the match curve is 0.55 against 0.51; they differ most at `a`, "
        "0.70 against 0.66 (p ≤ .008, the least possible with 125 permutations).",
        "Pairs within a variant (20 pairs) have a mean area under the match curve of 0.53 over "
        "layers, pairs between the two variants (25) 0.22; they differ most at `a`, 0.68 against "
        "0.35 (p ≤ .008, the least possible with 125 permutations).",
    ]
    assert answer(summarise(tables, facts), (), points).points[:2] == tuple(points)


def test_variants_that_are_as_similar_are_not_ranked():
    tables, facts = invent_groups(noise=0.0, layers=2, model=lambda a, b, depth: 0.5)
    points = group_points(grouped(tables, facts.variants), ())
    assert points[0] == (
        "Within `true labels` and within `random labels` pairs are as similar: the area under the "
        "match curve is 0.40 as a mean over layers."
    )
    assert points[1] == (
        "Pairs within a variant (20 pairs) have a mean area under the match curve of 0.40 over "
        "layers, pairs between the two variants (25) 0.40."
    )


def test_every_two_variants_are_tested_and_all_together():
    tables, facts = invent_groups(variants=("a", "b", "c"), seeds=3, layers=2)
    titles = [title for title, _ in section(tables, facts).tests]
    assert titles[0] == "within variants − between variants"
    assert len(titles) == 1 + 2 * 3
    assert titles[1:3] == ["within `a` − within `b`", "within `a` and `b` − between them"]


def test_feature_maps_are_counted_once_for_all_variants():
    tables, facts = invent_groups(seeds=2, layers=3)
    maps = tables.layers.with_columns(
        pl.when(pl.col("depth") < 2).then(64).otherwise(1).alias("total_positions"),
        pl.when(pl.col("layer") == "relu1").then(16).otherwise(64).alias("positions"),
    )
    assert (
        "Of 1 of 2 feature maps some of the positions were used"
        in dict(conventions(replace(tables, layers=maps), facts))["Samples"]
    )


@pytest.mark.parametrize(
    ("study", "reason"),
    [
        ({"seeds": 1}, "a variant has one network only"),
        (
            {"lost": lambda a, b: (a, b) == ("true labels 0", "random labels 1")},
            "not every two of these networks were compared",
        ),
    ],
)
def test_what_cannot_be_tested_is_said(study, reason):
    found = section(*invent_groups(**study, layers=2))
    assert found.tests == ()
    assert found.reading == f"2 differences between groups cannot be tested: {reason}."


def test_one_network_of_each_variant_says_what_is_not_known():
    tables, facts = invent_groups(seeds=1)
    points = group_points(grouped(tables, facts.variants), ())
    assert points[0].startswith("No two networks of one variant were compared")


def test_a_layer_without_a_value_for_every_pair_is_left_out_of_the_test():
    tables, facts = invent_groups(layers=["a", "b"])
    gap = (
        (pl.col("measure") == CKA)
        & (pl.col("layer") == "a")
        & (pl.col("network_b").str.len_chars() > 14)
    )
    holed = tables.results.with_columns(pl.when(~gap).then("value").alias("value"))
    tests = group_tests(grouped(replace(tables, results=holed), facts.variants))
    of_cka = [test for test in tests if test.measure.convention == CKA]
    assert [test.layers for test in of_cka] == [(1,), (1,)]
    assert all(test.result is not None for test in of_cka)


def test_layers_of_some_variants_only_leave_a_gap():
    tables, facts = invent_groups(layers=["a", "b"], seeds=2)
    kept = (pl.col("layer") == "a") | (pl.col("group") == "true labels")
    groups = grouped(replace(tables, results=tables.results.filter(kept)), facts.variants)
    mean, _ = groups.each.over_pairs(groups.leading.values)
    assert np.isfinite(mean).tolist() == [[True, True], [True, False], [True, False]]
    files = build_report(replace(tables, results=tables.results.filter(kept)), facts)
    outline(files["report.html"])


@pytest.mark.parametrize(
    "study",
    [
        *(
            {"seeds": seeds, "layers": layers}
            for seeds, layers in itertools.product((1, 2), (1, 3))
        ),
        {"variants": ("<b>&", "$x$`"), "seeds": 2},
        {"variants": [f"variant {i}" for i in range(12)], "seeds": 2, "layers": 40},
    ],
    ids=str,
)
def test_a_report_in_groups_of_any_size_is_built(study):
    files = build_report(*invent_groups(**study))
    outline(files["report.html"])
    assert "figures/similarity-by-group.svg" in files
