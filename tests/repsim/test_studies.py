"""Studies from Python: run, and loaded from folders, buckets and files, complete or not."""

import shutil
import sys
from dataclasses import fields, replace

import matplotlib as mpl
import numpy as np
import polars as pl
import pytest
from matplotlib.figure import Figure
from scipy.spatial.distance import squareform

import repsim
from repsim.drawing import HouseFigure, house_style
from repsim.errors import InputError, IntegrityError, StudyError
from repsim.results import Tables
from repsim.stages.report import consolidate, consolidated, study_toml
from repsim.store import Store
from tests.s3_server import BUCKET, s3_server

TINY = "studies/tiny"


def begun(made):
    """What a run writes first."""
    made.store.write(f"{TINY}/study.toml", study_toml(made.plan.study).encode())


@pytest.fixture(scope="module")
def finished(made, tmp_path_factory):
    """A copy of the tiny study with its report: the folder of the study."""
    store = Store(str(tmp_path_factory.mktemp("finished") / "runs"))
    shutil.copytree(made.store.root, store.root)
    store.write(f"{TINY}/study.toml", study_toml(made.plan.study).encode())
    consolidate(store, made.plan, {})
    return store.root / TINY


@pytest.fixture(scope="module")
def study(finished):
    return repsim.load_study(finished)


def test_a_finished_study_is_its_report(study, made):
    assert study.name == "tiny"
    assert study.missing == ()
    assert study.study == made.plan.study
    tables = consolidated(study.store, made.plan, {}).tables
    for name in ("networks", "training", "layers", "results", "neurons", "across"):
        table = getattr(study, name)
        assert table.equals(getattr(tables, name)), name
        assert table is getattr(study, name)
    assert study.timings.columns == ["network", "epoch", "seconds"]
    assert study.identification.height == 0
    assert repr(study) == (
        "StudyResults('tiny': 3 networks, 3 pairs, 2 layers, 3 measures; store "
        f"{study.store.location})"
    )


def test_every_table_of_a_report_is_an_attribute(study):
    for field in fields(Tables):
        assert isinstance(getattr(study, field.name), pl.DataFrame)


def test_tables_are_read_when_they_are_asked_for(finished, monkeypatch):
    asked = []
    read = Store.read
    monkeypatch.setattr(Store, "read", lambda self, path: asked.append(path) or read(self, path))
    study = repsim.load_study(finished)
    assert not [path for path in asked if "report/" in path]
    assert study.networks.height == 3
    assert [path for path in asked if "report/" in path] == [f"{TINY}/report/networks.parquet"]


@pytest.mark.parametrize("inside", ["", "/", "/report", "/report/report.html", "/study.toml"])
def test_a_study_is_found_by_what_is_in_its_folder(finished, inside):
    assert repsim.load_study(f"{finished}{inside}").name == "tiny"


def test_a_study_in_a_bucket_is_the_same(finished, study, monkeypatch):
    with s3_server() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        location = f"s3://{BUCKET}/lab/runs"
        store = Store(location)
        weights = study.places["seed 0"].weights
        for path in [*study.store.sizes(TINY), *study.store.sizes(weights)]:
            store.write(path, study.store.read(path))
        there = repsim.load_study(f"{location}/{TINY}")
        assert there.store == store
        assert there.results.equals(study.results)
        assert there.weights("seed 0").keys() == study.weights("seed 0").keys()
        with pytest.raises(StudyError, match=r"Got 'tine'. Did you mean 'tiny'?"):
            repsim.load_study(f"{location}/studies/tine")


def test_results_are_filtered(study):
    rows = study.table(measure="cka", layer="classifier.relu1")
    assert rows.height == 3
    assert rows["measure"].unique().to_list() == ["cka[linear,centred,biased]"]
    assert study.table(variant="").height == study.results.height
    assert study.table().equals(study.results)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda s: s.table(measure="ckka"), "Got 'ckka'"),
        (lambda s: s.table(layer="classifier.relu"), "Did you mean 'classifier.relu1'?"),
        (lambda s: s.table(variant="wide"), "known variant"),
        (lambda s: s.to_pandas("result"), "Did you mean 'results'?"),
        (lambda s: s.to_xarray("valu"), "Did you mean 'value'?"),
        (lambda s: s.to_xarray("layer"), "known column of numbers"),
        (lambda s: s.plot("similarity-by-dept"), "Did you mean 'similarity-by-depth'?"),
        (lambda s: s.activations("seed 9", "x"), "known network. Got 'seed 9'"),
        (lambda s: s.activations("seed 0", "classifier.relu"), "Did you mean 'classifier.relu1'?"),
        (lambda s: s.weights("sed 0"), "Did you mean 'seed 0'?"),
        (lambda s: s.weights("seed 0", "epoch 1"), "known snapshot of seed 0. .*Known: none"),
        (lambda s: s.distances("maximum match"), "Expected an ε of .*: 0.2, 0.5. Got None"),
        (lambda s: s.distances("cka", epsilon=0.2), "Expected an ε of .*: none. Got 0.2"),
    ],
)
def test_an_unknown_name_is_refused_with_the_known_ones(study, ask, message):
    with pytest.raises(InputError, match=message):
        ask(study)


def test_pandas_has_the_rows(study):
    frame = study.to_pandas()
    assert list(frame.columns) == study.results.columns
    assert np.array_equal(frame["value"], study.results["value"].to_numpy(), equal_nan=True)
    assert frame["network_a"].tolist() == study.results["network_a"].to_list()
    assert study.to_pandas("networks")["status"].tolist() == ["done"] * 3


def test_xarray_has_each_value_in_its_place(study):
    array = study.to_xarray()
    assert array.dims == ("network_a", "network_b", "layer", "measure", "epsilon")
    assert array.sizes == {"network_a": 3, "network_b": 3, "layer": 2, "measure": 3, "epsilon": 3}
    assert int(array.notnull().sum()) == study.results.height
    for row in study.results.iter_rows(named=True):
        place = {axis: row[axis] for axis in array.dims[:4]}
        cell = array.sel(place)
        found = cell.sel(epsilon=row["epsilon"]) if row["epsilon"] else cell.isel(epsilon=-1)
        assert float(found) == row["value"]
    one = study.to_xarray("interval_low", measure="cka", layer="classifier.relu1")
    assert one.shape == (3, 3, 1, 1, 1)
    assert one.name == "interval_low"


def test_an_array_beyond_the_memory_is_refused(study, monkeypatch):
    monkeypatch.setattr("repsim.labelled.physical_memory", lambda: 1000)
    with pytest.raises(InputError, match="3 × 3 × 2 × 3 × 3 numbers"):
        study.to_xarray()


def test_distances_are_square_symmetric_and_zero_with_oneself(study):
    array = study.distances("cka")
    assert array.dims == ("layer", "network_a", "network_b")
    assert array.layer.values.tolist() == ["features.relu4", "classifier.relu1"]
    values = array.values
    assert np.array_equal(values, values.transpose(0, 2, 1))
    assert (values[:, range(3), range(3)] == 0).all()
    similarity = study.table(measure="cka", layer="classifier.relu1")["value"].to_numpy()
    expected = 1 - similarity
    flat = study.distances("cka", condensed=True)
    assert flat.dims == ("layer", "pair")
    assert np.allclose(flat.sel(layer="classifier.relu1"), expected)
    assert flat.pair.values.tolist() == [
        "seed 0 – seed 1",
        "seed 0 – seed 2",
        "seed 1 – seed 2",
    ]
    assert np.array_equal(squareform(values[1]), flat.values[1])
    match = study.distances("maximum match", epsilon=0.5)
    assert match.shape == (2, 3, 3)


def test_what_is_missing_is_said_of_pandas_and_xarray(study, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "xarray", None)
    for ask, name in ((study.to_pandas, "pandas"), (study.to_xarray, "xarray")):
        with pytest.raises(StudyError, match=rf"{name}.*pip install .*\[notebook\]"):
            ask()


def test_every_figure_is_drawn_alone_and_into_axes(study):
    assert "similarity-by-depth" in study.figures
    for kind in study.figures:
        alone = study.plot(kind)
        assert isinstance(alone, HouseFigure)
        assert alone._repr_svg_().startswith("<svg")
        page = Figure(figsize=(12, 9))
        axes = page.add_subplot()
        part = study.plot(kind.replace("-", "_"), ax=axes)
        assert len(part.axes) == len(alone.axes)
        # Labels stay inside the space of the axes, to a few points.
        inside, space = part.get_tightbbox(), axes.get_window_extent()
        assert np.allclose(inside.extents, space.extents, atol=0.3 * page.dpi)
        assert not axes.axison


def test_drawing_does_not_change_the_settings_of_matplotlib(study):
    before = dict(mpl.rcParams)
    study.plot(study.figures[0])
    assert dict(mpl.rcParams) == before


def test_axes_that_are_too_small_are_refused(study):
    axes = Figure(figsize=(1, 1)).add_subplot()
    with pytest.raises(InputError, match=r"more space than the labels take.*figsize"):
        study.plot(ax=axes)


def test_a_figure_is_saved_with_its_labels(study, tmp_path):
    figure = study.plot("similarity-by-depth")
    figure.savefig(tmp_path / "figure.svg")
    with house_style():
        figure.savefig(tmp_path / "text.svg")
    assert "Maximum match similarity" in (tmp_path / "text.svg").read_text()


def test_the_report_is_written_again(study, finished, tmp_path):
    page = study.report(tmp_path / "there")
    assert page == tmp_path / "there" / "report.html"
    kept = finished / "report"
    written = {p.relative_to(page.parent) for p in page.parent.rglob("*") if p.is_file()}
    assert written == {p.relative_to(kept) for p in kept.rglob("*") if p.is_file()}
    assert page.read_bytes() == (kept / "report.html").read_bytes()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Expected a folder for the report"):
        study.report(tmp_path / "file")


def test_activations_and_weights(study, made):
    array = study.activations("seed 0", "features.relu4")
    spec = made.plan.layers["seed 0"][0]
    assert array.shape == (40, spec.positions, spec.neurons)
    assert np.isfinite(array[:3]).all()
    weights = study.weights("seed 1")
    assert all(values.isfinite().all() for values in weights.values())
    assert {values.device.type for values in weights.values()} == {"cpu"}


def test_activations_that_are_gone_are_said(made_copy):
    begun(made_copy)
    consolidate(made_copy.store, made_copy.plan, {})
    study = repsim.load_study(made_copy.store.root / TINY)
    made_copy.store.clear("activations")
    made_copy.store.clear("networks")
    with pytest.raises(InputError, match=r"Expected activations of .* of seed 0 in the store"):
        study.activations("seed 0", "features.relu4")
    with pytest.raises(InputError, match="Expected weights of seed 0"):
        study.weights("seed 0")


def test_html_escapes_what_studies_say(study, finished):
    shown = study._repr_html_()
    assert "<h3>tiny</h3>" in shown
    assert "<svg" in shown
    other = replace(study, facts=replace(study.facts, description="<script>", missing=["<b>"]))
    assert "<script>" not in other._repr_html_()
    assert "<b>" not in other._repr_html_()
    assert "1 thing missing" in repr(other)


def test_a_study_half_done_loads_with_what_there_is(made_copy):
    begun(made_copy)
    store, plan = made_copy.store, made_copy.plan
    gone = plan.comparisons[0]
    store.delete(f"{gone.folder}/marker.json")
    study = repsim.load_study(store.root / TINY)
    assert study.results.height == 5 * 4
    assert any("1 of 6 comparisons" in sentence for sentence in study.missing)
    assert study.figures
    assert not store.sizes(f"{TINY}/report")


def test_a_report_of_an_earlier_state_is_not_taken_for_the_study(made_copy):
    store, plan = made_copy.store, made_copy.plan
    marker = f"{plan.comparisons[0].folder}/marker.json"
    content = store.read(marker)
    store.delete(marker)
    begun(made_copy)
    consolidate(store, plan, {})
    assert repsim.load_study(store.root / TINY).results.height == 5 * 4
    store.write(marker, content)
    complete = repsim.load_study(store.root / TINY)
    assert complete.results.height == 6 * 4
    assert complete.missing == ()


def test_the_last_report_is_shown_where_the_study_cannot_be_planned(made_copy):
    store, plan = made_copy.store, made_copy.plan
    consolidate(store, plan, {})
    text = study_toml(plan.study).replace('"synthetic"', '"gone"')
    store.write(f"{TINY}/study.toml", text.encode())
    study = repsim.load_study(store.root / TINY)
    assert study.results.height == 6 * 4
    assert "This is the last report" in study.missing[-1]
    store.delete("studies/tiny/report.json")
    with pytest.raises(StudyError, match=r"Got no report, and: .*'gone'"):
        repsim.load_study(store.root / TINY)


def test_a_study_is_loaded_by_its_file(made, finished):
    store = finished.parents[1]
    assert repsim.load_study(made.file, store=store).results.height == 6 * 4
    with pytest.raises(StudyError, match=r"Got no network. Run it first"):
        repsim.load_study(made.file, store=finished / "elsewhere")
    assert not (finished / "elsewhere").exists()


def test_a_damaged_file_of_a_report_is_said(made_copy):
    begun(made_copy)
    consolidate(made_copy.store, made_copy.plan, {})
    made_copy.store.write(f"{TINY}/report/results.parquet", b"nonsense")
    study = repsim.load_study(made_copy.store.root / TINY)
    with pytest.raises(IntegrityError, match=r"Got other content. Write the report again"):
        _ = study.results


def test_a_folder_that_is_no_study_is_refused(finished, tmp_path):
    for path, message in (
        (tmp_path, "It exists, and is neither"),
        (tmp_path / "nowhere", "It does not exist"),
        (finished.parents[1], "That is a store; its studies: .*studies/tiny"),
        (finished.parent / "tine", "Got 'tine'. Did you mean 'tiny'?"),
    ):
        with pytest.raises(StudyError, match=message):
            repsim.load_study(path)
    assert not (tmp_path / "nowhere").exists()


def test_nulls_of_text_survive_the_files(study):
    assert study.networks["snapshot"].is_null().all()
    assert study.layers["variant"].to_list() == [""] * 2
    assert study.results.filter(pl.col("snapshot_a").is_not_null()).height == 0
