"""Measures beside the match: what the report says of them is what the numbers say."""

import polars as pl
import pytest

from repsim.report.build import build_report
from repsim.report.measure_layers import measure_layers
from repsim.report.measures_by_depth import draw_measures, tension
from repsim.report.measures_section import measures_section
from repsim.report.summary import summarise
from repsim.results import Tables

CKA = "cka[linear,centred,biased]"


@pytest.fixture
def study(invent):
    """Three layers; CKA near .8 where chance gives .1, and nothing of the match above chance."""
    tables, facts = invent(networks=2, layers=["low", "mid", "high"], epsilons=(0.3,))
    plain = tables.results.filter(pl.col("epsilon") == 0.3)
    null = {"null_mean": 0.1, "null_low": 0.05, "null_high": 0.2, "p_value_layers": 0.05}
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
    )
    rows = {name: getattr(tables, name) for name in ("networks", "training", "layers", "neurons")}
    return Tables.from_rows(**rows, results=pl.concat([match, ckas])), facts


def test_the_sentence_names_where_they_differ_most(study):
    tables, facts = study
    summary = summarise(tables, facts)
    words = tension(summary, measure_layers(tables, summary))
    assert words == (
        f"`{CKA}` is beyond what chance gives at 3 of 3 layers, the match at ε = 0.3 at 0. They "
        f"differ most at `high`: chance taken off, `{CKA}` is 0.80 and the match 0.00."
    )


def test_the_table_has_every_value_with_chance_and_convention(study):
    tables, facts = study
    summary = summarise(tables, facts)
    section = measures_section(summary, measure_layers(tables, summary))
    assert section.names == (("Match at ε = 0.3", ""), ("cka", ""))
    assert CKA in section.conventions
    name, cells = section.rows[-1]
    assert name == "high"
    assert (cells[1].text, cells[1].chance, cells[1].share) == ("0.82", "chance 0.10, p 0.05", 0.8)


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
