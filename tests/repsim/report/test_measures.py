"""Measures beside the match: what the report says of them is what the numbers say."""

import polars as pl
import pytest

from repsim.report.build import build_report
from repsim.report.measure_layers import measure_layers
from repsim.report.measures_by_depth import draw_measures
from repsim.report.measures_section import measures_section
from repsim.report.nulls import tension
from repsim.report.summary import summarise
from repsim.results import MAXIMUM_MATCH, Tables
from tests.repsim.report.context_rows import replaced, with_columns, with_intervals, with_nulls

CKA = "cka[linear,centred,biased]"


@pytest.fixture
def study(invent):
    """Three layers; CKA near .8 where chance gives .1, and nothing of the match above chance."""
    tables, facts = invent(networks=2, layers=["low", "mid", "high"], epsilons=(0.3,))
    plain = tables.results.filter(pl.col("epsilon") == 0.3)
    null = {"null_mean": 0.1, "null_low": 0.05, "null_high": 0.2}
    null |= {"p_value": 0.05, "p_value_layers": 0.05}
    ckas = plain.with_columns(
        pl.lit(CKA).alias("measure"),
        pl.lit(None, dtype=pl.Float64).alias("epsilon"),
        pl.when(pl.col("layer") == "high").then(0.82).otherwise(0.28).alias("value"),
        pl.when(pl.col("layer") == "high").then(0.8).otherwise(0.2).alias("calibrated"),
        *(pl.lit(value).alias(name) for name, value in null.items()),
    )
    match = plain.with_columns(
        pl.lit(0.0).alias("value"),
        pl.lit(0.0).alias("calibrated"),
        *(pl.lit(0.0).alias(name) for name in ("null_mean", "null_low", "null_high")),
        *(pl.lit(1.0).alias(name) for name in ("p_value", "p_value_layers")),
    )
    rows = {name: getattr(tables, name) for name in ("networks", "training", "layers", "neurons")}
    return Tables.from_rows(
        **rows, results=pl.concat([match, ckas]).with_columns(permutations=19)
    ), facts


def said(tables, facts, kind="plain"):
    summary = summarise(tables, facts)
    return tension(summary, measure_layers(tables, summary), kind)


def test_the_sentence_names_where_they_differ_most(study):
    assert said(*study) == (
        f"`{CKA}` shows more similarity than any of 19 permutations of all examples at 3 of 3 "
        "layers, the match at ε = 0.3 at 0. On the scale on which permutations of all examples "
        f"give 0 and identical layers 1, the match differs most from `{CKA}` at `high`: 0.00 and "
        "0.80."
    )


def test_measures_beyond_the_null_at_as_many_layers_are_all_named(study):
    tables, facts = study
    cka = tables.results.filter(pl.col("measure") == CKA)
    others = [
        cka.with_columns(measure=pl.lit("rsa")),
        # The gap to the match is widest for a measure that is beyond the null at fewer layers.
        cka.with_columns(
            measure=pl.lit("bures"),
            value=pl.when(pl.col("layer") == "mid").then(0.9).otherwise(0.1),
            calibrated=pl.when(pl.col("layer") == "mid").then(0.9).otherwise(0.0),
        ),
    ]
    words = said(replaced(tables, results=pl.concat([tables.results, *others])), facts)
    assert words.startswith(
        f"`{CKA}` and `rsa` show more similarity than any of 19 permutations of all examples at 3 "
        "of 3 layers, the match at ε = 0.3 at 0, and every other measure at fewer than the first."
    )
    assert words.endswith("the match differs most from `bures` at `mid`: 0.00 and 0.90.")


def test_a_gap_is_a_mean_over_the_pairs_that_have_both(invent):
    tables, facts = invent(layers=["a"], levels=[0.9], epsilons=(0.3,))
    match = with_nulls(tables).results.filter(pl.col("measure") == MAXIMUM_MATCH)
    first = (pl.col("network_a") == "seed-0") & (pl.col("network_b") == "seed-1")
    # Over all its pairs CKA is 0.6; beside the match it is known for the first pair only.
    cka = match.with_columns(
        measure=pl.lit(CKA),
        epsilon=pl.lit(None, dtype=pl.Float64),
        calibrated=pl.when(first).then(0.2).otherwise(0.8),
    )
    match = match.with_columns(calibrated=pl.when(first).then(0.1))
    words = said(replaced(tables, results=pl.concat([match, cka])), facts)
    assert words.endswith("at `a`: 0.10 and 0.20, as means over pairs.")


def test_the_null_within_classes_leads(study):
    tables, facts = study
    levels = {"within_low": 0.2, "within_mean": 0.3, "within_high": 0.5}
    cka = pl.col("measure") == CKA
    p = pl.when(cka & (pl.col("layer") == "high")).then(0.05).otherwise(1.0)
    made = with_columns(tables, **levels, p_value_within=p, p_value_within_layers=p)
    assert "19 permutations of the examples within their classes at 1 of 3 layers" in said(
        made, facts, "within"
    )
    summary = summarise(made, facts)
    section = measures_section(summary, measure_layers(made, summary))
    assert "within their classes at 1 of 3 layers" in section.finding
    _, cells = section.rows[-1]
    assert cells[1].lines == ("in classes 0.30, p ≤ .05", "permuted 0.10, p ≤ .05")
    note = " ".join(section.reading)
    assert note.index("In classes: the mean over") < note.index("Permuted: the mean over")
    assert "whether the networks agree on more than the classes" in note
    assert "(p ≤ .05, the least possible with 19 permutations)" in note


def test_the_table_has_every_value_with_its_nulls_and_convention(study):
    tables, facts = study
    summary = summarise(tables, facts)
    section = measures_section(summary, measure_layers(tables, summary))
    assert section.names == (("Match at ε = 0.3", ""), ("cka", ""))
    assert CKA in section.conventions
    name, cells = section.rows[-1]
    assert name == "high"
    assert (cells[1].text, cells[1].share) == ("0.82", 0.8)
    assert cells[0].lines == ("permuted 0.00, p = 1",)
    assert cells[1].lines == ("permuted 0.10, p ≤ .05",)


def test_the_table_calls_what_stands_beside_an_interval_corrected(study):
    tables, facts = study
    tables = with_intervals(tables, bias=0.12, reach=0.05)
    summary = summarise(tables, facts)
    section = measures_section(summary, measure_layers(tables, summary))
    cell = section.rows[-1][1][1]
    assert cell.text == "0.82"  # which the interval does not hold
    assert cell.lines[0] == "corrected 0.70 (0.65 to 0.75)"
    assert "The value as computed can lie outside the interval." in " ".join(section.reading)


def test_every_panel_is_numbered_where_one_has_a_scale_of_its_own(study):
    tables, facts = study
    beyond = with_columns(tables, value=pl.when(pl.col("measure") == CKA).then(1.5).otherwise(0.5))
    for made, numbered in ((tables, False), (beyond, True)):
        summary = summarise(made, facts)
        axes = draw_measures(summary, measure_layers(made, summary)).figure.axes
        labels = [label.get_text() for one in axes[1:] for label in one.get_yticklabels()]
        assert any(labels) == numbered


def test_the_page_holds_table_and_figure(study):
    files = build_report(*study)
    assert {"figures/measures-by-depth.svg", "figures/measures-by-depth.png"} <= files.keys()
    assert b"Beside other measures" in files["report.html"]


def test_a_match_with_nothing_to_stand_beside_has_no_section(invent):
    tables, facts = invent()
    summary = summarise(tables, facts)
    assert measure_layers(tables, summary) == ()
    assert draw_measures(summary, ()) is None
    assert b"Beside other measures" not in build_report(tables, facts)["report.html"]
