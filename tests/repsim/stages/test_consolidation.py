"""From what is in the store to the report, complete or not, the same each time."""

import io

import polars as pl
import pytest

from repsim.stages.report import consolidate, report_is_current, study_toml
from repsim.store import Store
from repsim.study import parse_study

FOLDER = "studies/tiny/report"


def table(store, name):
    return pl.read_parquet(io.BytesIO(store.read(f"{FOLDER}/{name}.parquet")))


def test_the_report_of_a_complete_study(made_copy):
    store, plan = made_copy.store, made_copy.plan
    assert not report_is_current(store, plan, {})
    assert consolidate(store, plan, {}) == f"{FOLDER}/report.html"
    assert report_is_current(store, plan, {})
    results = table(store, "results")
    # Three pairs, two layers; two ε, the area and CKA.
    assert results.height == 3 * 2 * 4
    assert results["study"].unique().to_list() == ["tiny"]
    assert set(results["examples"]) == {40}
    assert table(store, "networks")["status"].to_list() == ["done"] * 3
    assert table(store, "training").height == 3 * 2
    neurons = sum(spec.x.neurons + spec.y.neurons for spec in plan.comparisons)
    assert table(store, "neurons").height == neurons
    assert b"missing" not in store.read(f"{FOLDER}/results.csv")


def test_the_same_results_give_the_same_bytes(made_copy):
    store = made_copy.store
    consolidate(store, made_copy.plan, {})
    first = {path: store.read(path) for path in store.sizes(FOLDER)}
    consolidate(store, made_copy.plan, {})
    again = {path: store.read(path) for path in store.sizes(FOLDER)}
    assert first.keys() == again.keys()
    assert [path for path in first if first[path] != again[path]] == []


def test_what_is_missing_is_told(made_copy):
    store, plan = made_copy.store, made_copy.plan
    store.delete(f"{plan.comparisons[0].folder}/marker.json")
    store.delete(plan.networks[2].artifact(store).marker_path)
    failures = {"seed 2": "Expected finite numbers. Got NaN."}
    consolidate(store, plan, failures)
    networks = table(store, "networks")
    assert networks["status"].to_list() == ["done", "done", "failed"]
    assert networks["error"].to_list() == [None, None, "Expected finite numbers. Got NaN."]
    assert table(store, "results").height == 5 * 4
    page = store.read(f"{FOLDER}/report.html").decode()
    assert "Expected finite numbers. Got NaN." in page
    assert "1 of 6 comparisons" in page


def test_a_study_of_which_nothing_is_there_has_a_report_that_says_so(made, tmp_path):
    consolidate(Store(str(tmp_path / "empty")), made.plan, {})
    page = (tmp_path / "empty" / FOLDER / "report.html").read_text()
    assert "6 of 6 comparisons" in page
    assert "seed 0: not trained yet." in page


@pytest.mark.parametrize("change", ["comparison", "network", "failure", "page"])
def test_a_report_is_not_current_after_a_change(made_copy, change):
    store, plan = made_copy.store, made_copy.plan
    consolidate(store, plan, {})
    failures = {}
    if change == "comparison":
        store.delete(f"{plan.comparisons[3].folder}/marker.json")
    elif change == "network":
        store.delete(plan.networks[0].artifact(store).marker_path)
    elif change == "failure":
        failures = {"seed 0": "went wrong"}
    else:
        store.delete(f"{FOLDER}/report.html")
    assert not report_is_current(store, plan, failures)


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("seeds=[1,{initialisation=0,order=2,augmentation=5}]", "pairs=[[1,'i0-o2-a5']]"),
        ('description="a \'quoted\' \\" line"', "training.epochs=4", "training.milestones=[1,2]"),
        ("model.own={deep=[1,2,{x=1}]}", "capture.positions=3", "capture.examples=7"),
    ],
)
def test_the_study_as_run_is_a_study_file_of_the_same_study(tiny_study, overrides):
    study = parse_study(tiny_study, overrides)
    text = study_toml(study)
    assert parse_study(text) == study
    assert "momentum = 0.9" in text  # the defaults too: a later version may have others
