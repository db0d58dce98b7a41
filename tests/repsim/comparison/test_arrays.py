"""Activations that are there, in memory and in files, compared by `repsim.compare`."""

import numpy as np
import pytest
import torch

import repsim
from repsim.errors import InputError, RepsimError

RANDOM = np.random.default_rng(0)
X = {"one": RANDOM.normal(size=(60, 5)) + 1, "two": RANDOM.normal(size=(60, 4, 3))}
Y = {"one": RANDOM.normal(size=(60, 6)), "two": X["two"][:, :, ::-1] + 0.1}


def flat(array):
    return array.reshape(-1, array.shape[-1])


def write(path, arrays):
    """The arrays in a file, in the form that its name says."""
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    match path.suffix:
        case ".npz":
            np.savez(path, **arrays)
        case ".safetensors":
            import safetensors.numpy

            safetensors.numpy.save_file(arrays, path)
        case ".h5":
            import h5py

            with h5py.File(path, "w") as file:
                for name, array in arrays.items():
                    file[f"model/{name}"] = array
        case ".pt":
            tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
            torch.save({"activations": tensors, "epoch": 3}, path)
        case ".zarr":
            import zarr

            group = zarr.open_group(path, mode="w")
            for name, array in arrays.items():
                group.create_array(name, data=array)
    return path


@pytest.fixture(scope="module")
def expected():
    return repsim.compare(X, Y, progress=False)


def test_tables_of_arrays_are_compared_layer_by_layer(expected):
    rows = expected.table()
    assert rows.select("layer_a", "layer_b").unique(maintain_order=True).rows() == [
        ("one", "one"),
        ("two", "two"),
    ]
    for name, array in X.items():
        of = rows.filter(layer_a=name)
        x, y = flat(array), flat(Y[name])
        (cka,) = of.filter(of["measure"].str.starts_with("cka"))["value"]
        assert cka == pytest.approx(repsim.cka(x, y))
        at = of.filter(measure="match", epsilon=0.3)["value"].to_list()
        assert at == [repsim.match_profile(x, y).similarity(0.3)]
    assert rows.filter(layer_a="two")["samples"].unique().to_list() == [240]


@pytest.mark.parametrize("ending", [".npz", ".safetensors", ".h5", ".pt", ".zarr"])
def test_files_of_any_form_give_the_same(expected, tmp_path, ending):
    a, b = write(tmp_path / f"a{ending}", X), write(tmp_path / f"b{ending}", Y)
    found = repsim.compare(str(a), b, progress=False)
    assert found.table()["value"].to_list() == pytest.approx(expected.table()["value"].to_list())


def test_files_and_arrays_may_be_mixed(tmp_path):
    file = write(tmp_path / "a.npz", X)
    found = repsim.compare({"file": file, "memory": Y}, layers=["*ne"], progress=False)
    assert found.layers == {"file": ("one",), "memory": ("one",)}


def test_all_pairs_of_many_files(tmp_path):
    files = {str(i): write(tmp_path / f"{i}.npz", {"h": X["one"] * (i + 1)}) for i in range(4)}
    found = repsim.compare(files, measures=["cka"], progress=False)
    assert found.table().height == 6
    assert found.table()["value"].to_list() == pytest.approx([1] * 6)


def test_layers_of_other_names_are_compared_across():
    found = repsim.compare(X, {"hidden": Y["one"], "deep": Y["two"]}, progress=False)
    assert found.matrix("cka").shape == (2, 2)
    assert "averaged over their positions" in found.notes[0]
    assert found.matrix("cka")[0, 1] == pytest.approx(repsim.cka(X["one"], Y["two"].mean(axis=1)))
    only = repsim.compare({"x": X["one"]}, {"y": Y["one"]}, progress=False)
    assert set(only.table()["samples"]) == {60}


@pytest.mark.parametrize(
    ("pool", "rows"), [("mean", lambda a: a.mean(1)), ("cls", lambda a: a[:, 0])]
)
def test_positions_may_be_pooled(pool, rows):
    found = repsim.compare(X, Y, layers=["two"], measures=["cka"], pool=pool, progress=False)
    assert found.matrix()[0, 0] == pytest.approx(repsim.cka(rows(X["two"]), rows(Y["two"])))


def test_tensors_of_half_precision_are_read(tmp_path):
    path = tmp_path / "half.pt"
    torch.save(torch.from_numpy(X["one"]).bfloat16(), path)
    found = repsim.compare(path, {"x": X["one"]}, measures=["cka"], progress=False)
    assert found.matrix()[0, 0] == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        ((X,), {}, "Got one"),
        ((X, {}), {}, "a table of arrays by layer, or a file, as B"),
        ((X, "nowhere.npz"), {}, "does not exist"),
        ((X, {name: y[:50] for name, y in Y.items()}), {}, "same samples"),
        ((X, Y), {"null": 0}, "permutations from 1. Got 0"),
        ((X, Y), {"measures": ["ckaa"]}, "Did you mean 'cka'"),
        ((X, Y), {"measures": [("match", {"center": True})]}, "centred"),
        (({"one": X["one"] * np.nan}, Y), {}, "finite"),
        ((X, Y), {"layers": ["three"]}, "layer of A"),
        ((X, Y), {"mask": "attention_mask"}, "activations alone"),
        ((X, {"x": Y["one"]}), {"across": False}, "across=True"),
    ],
)
def test_what_cannot_be_compared_is_told(given, options, said):
    with pytest.raises(RepsimError, match=said):
        repsim.compare(*given, progress=False, **options)


def test_a_layer_that_cannot_be_compared_leaves_the_others_alone():
    found = repsim.compare(X, {"one": Y["one"][:50], "two": Y["two"]}, progress=False)
    rows = found.table()
    assert rows.filter(layer_a="one")["value"].is_null().all()
    assert rows.filter(layer_a="two")["value"].is_not_null().all()
    assert found.failures == (
        "one was not compared: Expected the same samples in both. Got 60 examples × 1 positions in "
        "one of the first and 50 × 1 in one of the second. Both must hold the same inputs in the "
        "same order.",
    )


def test_layers_of_one_file_alone_are_named():
    found = repsim.compare({**X, "more": X["one"]}, Y, progress=False)
    assert found.notes == ("Skipped, since the other has no layer of this name: more of A.",)


def test_the_match_of_centred_neurons_on_request():
    found = repsim.compare(X, Y, measures=[("match", {"centred": True})], progress=False)
    profile = repsim.match_profile(X["one"], Y["one"], centred=True)
    row = found.table().row(0, named=True)
    assert (row["measure"], row["value"]) == ("match[centred]", profile.similarity(0.15))
    assert found.matrix("area")[0, 0] == profile.area()


def test_files_with_code_are_never_loaded(tmp_path):
    path = tmp_path / "model.pt"
    torch.save(torch.nn.Linear(2, 2), path)
    with pytest.raises(InputError, match="nothing that could run code is loaded"):
        repsim.compare(path, X, progress=False)


@pytest.mark.parametrize("ending", [".npz", ".safetensors", ".h5", ".pt"])
def test_damaged_files_are_told(tmp_path, ending):
    path = write(tmp_path / f"a{ending}", X)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=f"a{ending}"):
        repsim.compare(path, X, progress=False)
