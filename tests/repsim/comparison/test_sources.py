"""Many sources: lists, patterns, folders, buckets, and the names of their models."""

import numpy as np
import polars as pl
import pytest
import torch
import zarr
from torch import nn

import repsim
from repsim.comparison.sources import named_sources
from repsim.errors import InputError
from tests.repsim.comparison.test_arrays import X, Y, write
from tests.s3_server import BUCKET, s3_server

OPTIONS = {"measures": ["cka"], "progress": False}


@pytest.fixture
def server(monkeypatch):
    with s3_server() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server


def test_files_of_a_list_a_pattern_and_a_folder_are_the_same(tmp_path):
    for name, arrays in (("a.npz", X), ("b.h5", Y), ("c.zarr", X), ("notes.txt", None)):
        if arrays is None:
            (tmp_path / name).write_text("")
        else:
            write(tmp_path / name, arrays)
    paths = [tmp_path / name for name in ("a.npz", "b.h5", "c.zarr")]
    found = [
        repsim.compare(given, layers=["*one"], **OPTIONS)
        for given in (paths, str(tmp_path / "[abc].*"), tmp_path)
    ]
    assert [list(one.layers) for one in found] == [["a", "b", "c"]] * 3
    assert len({tuple(one.table()["value"]) for one in found}) == 1
    assert found[0].matrix(models=("a", "c")).max() == pytest.approx(1)


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["runs/a.h5", "b.npz"], ["a", "b"]),
        (["1/x.npy", "2/x.npy", "y.npy"], ["1/x.npy", "2/x.npy", "y"]),
        (["p/1/x.npy", "q/1/x.npy"], ["p/1/x.npy", "q/1/x.npy"]),
        (["a.h5", "a.npz"], ["a.h5", "a.npz"]),
        (["a.h5", "a.h5"], ["a.h5", "a.h5 (2)"]),
    ],
)
def test_models_are_named_by_what_tells_their_files_apart(paths, names):
    assert list(named_sources(paths)) == names


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("nothing/*.h5", "nothing/.* which no file matches"),
        (["a.npz"], "Got one"),
        ([], "Got 0"),
    ],
)
def test_fewer_than_two_files_are_refused(given, said):
    with pytest.raises(InputError, match=said):
        repsim.compare(given, progress=False)


def test_zarr_arrays_are_read_lazily(tmp_path):
    stored = zarr.open_group(write(tmp_path / "a.zarr", X), mode="r")
    found = repsim.compare({"one": stored["one"]}, {"one": Y["one"]}, **OPTIONS)
    assert found.matrix()[0, 0] == pytest.approx(repsim.cka(X["one"], Y["one"]))


def test_captures_and_files_in_a_bucket(server, tmp_path, monkeypatch):
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    data = torch.randn(30, 4)
    place = f"s3://{BUCKET}/runs"
    there = repsim.capture(model, data, output=f"{place}/a.zarr", progress=False)
    here = repsim.capture(model, data, progress=False)
    assert there.layers == here.layers == ("0", "1")
    np.testing.assert_array_equal(there["1"][:], here["1"])
    monkeypatch.setattr(nn.Linear, "forward", None)
    assert repsim.capture(model, data, output=f"{place}/a.zarr", progress=False).examples == 30
    np.savez(tmp_path / "b.npz", **here)
    put(f"{place}/b.npz", (tmp_path / "b.npz").read_bytes())
    for given in ([f"{place}/a.zarr", f"{place}/b.npz"], f"{place}/*"):
        found = repsim.compare(given, **OPTIONS)
        assert list(found.layers) == ["a", "b"]
        assert found.table()["value"].to_list() == pytest.approx([1, 1])
    for missing, said in (("c.npz", "does not exist"), ("c.zarr", "Got a folder with: nothing")):
        with pytest.raises(InputError, match=said):
            repsim.compare(f"{place}/{missing}", here, progress=False)
    with pytest.raises(InputError, match="which none matches"):
        repsim.compare(f"{place}/*.h5", progress=False)


def put(url, content):
    from repsim.store import Store

    location, _, name = url.rpartition("/")
    Store(location).write(name, content)


def test_damage_in_one_of_many_files_names_it(tmp_path):
    paths = [write(tmp_path / f"{name}.h5", X) for name in "abc"]
    paths[1].write_bytes(paths[1].read_bytes()[:100])
    with pytest.raises(InputError, match=r"b\.h5"):
        repsim.compare(paths, progress=False)


def test_one_model_with_other_examples_is_named(tmp_path):
    short = {name: x[:50] for name, x in X.items()}
    given = {"a": X, "b": Y, "short": short}
    with pytest.raises(InputError, match="Of a and short, no layers can be compared"):
        repsim.compare(given, progress=False)


def test_columns_of_the_table():
    found = repsim.compare(X, Y, **OPTIONS).table()
    assert found.schema["value"] == pl.Float64
    assert found.columns[:7] == [
        *("model_a", "layer_a", "model_b", "layer_b", "measure", "epsilon", "value")
    ]
    assert found["examples"].to_list() == [60, 60]
