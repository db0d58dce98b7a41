"""A comparison as tables, arrays, pictures and a report."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import repsim
from repsim.errors import InputError


@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 5))
    tables = {
        name: {"first": x + scale * rng.normal(size=x.shape), "second": x[:, :3] ** 2}
        for name, scale in (("a", 0.1), ("b", 0.5), ("<c>", 1.0))
    }
    return repsim.compare(tables, measures=["match", "cka"], across=True, progress=False)


def test_pandas_and_xarray_have_the_values_of_the_table(found):
    frame = found.to_pandas()
    assert list(frame.columns) == found.table().columns
    array = found.to_xarray()
    assert array.dims == ("model_a", "layer_a", "model_b", "layer_b", "measure", "epsilon")
    assert int(array.notnull().sum()) == found.table()["value"].is_not_null().sum()
    cka = array.sel(model_a="a", model_b="b", measure="cka[linear,centred,biased]").isel(epsilon=-1)
    assert np.array_equal(cka.values, found.matrix("cka", ("a", "b")))
    with pytest.raises(InputError, match=r"Did you mean 'value'?"):
        found.to_xarray("vale")


def test_an_unknown_measure_or_model_is_refused(found):
    with pytest.raises(InputError, match=r"known measure that was compared. Got 'ckaa'"):
        found.plot("ckaa")
    with pytest.raises(InputError, match=r"known model that was compared. Got 'd'"):
        found.matrix("cka", ("a", "d"))


def test_it_is_drawn_into_axes(found):
    page = Figure(figsize=(8, 5))
    axes = page.add_subplot()
    part = found.plot("cka", ax=axes)
    assert part in page.subfigs
    assert part.axes
    assert not axes.axison


def test_the_report_is_written_with_its_tables_and_figures(found, tmp_path):
    page = found.report(tmp_path / "report")
    names = {path.relative_to(page.parent).as_posix() for path in page.parent.rglob("*.*")}
    assert {"report.html", "results.parquet", "results.csv"} <= names
    assert any(name.endswith(".png") for name in names)
    assert "<c>" not in page.read_text()


def test_notebooks_show_a_picture_over_the_table(found):
    shown = found._repr_html_()
    assert shown.index("<svg") < shown.index("<table")
    assert "<c>" not in shown
