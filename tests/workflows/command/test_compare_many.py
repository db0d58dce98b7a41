"""repsim compare: many files, models, nulls and intervals, and Dask."""

import h5py
import numpy as np
import polars as pl
import pytest
import safetensors.numpy
import torch
import zarr

RANDOM = np.random.default_rng(2)
SHARED = {name: RANDOM.normal(size=(60, 4)) for name in ("fc1", "fc2")}

MODELS = """
import torch
from torch import nn

def small():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))

def loader():
    return torch.randn(40, 4, generator=torch.Generator().manual_seed(0)).split(16)

images = torch.randn(10, 4)

def number():
    return 3
"""


@pytest.fixture(scope="module")
def eight(tmp_path_factory):
    """Files of eight models in four formats."""
    folder = tmp_path_factory.mktemp("runs")
    for number in range(8):
        arrays = {name: x + RANDOM.normal(size=x.shape) for name, x in SHARED.items()}
        path = str(folder / f"m{number}")
        match number % 4:
            case 0:
                with h5py.File(f"{path}.h5", "w") as file:
                    for name, array in arrays.items():
                        file[name] = array
            case 1:
                np.savez(f"{path}.npz", **arrays)
            case 2:
                safetensors.numpy.save_file(arrays, f"{path}.safetensors")
            case 3:
                group = zarr.open_group(f"{path}.zarr", mode="w")
                for name, array in arrays.items():
                    group[name] = array
    return folder


@pytest.fixture
def own_models(tmp_path, monkeypatch):
    (tmp_path / "own_models.py").write_text(MODELS)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_all_pairs_of_eight_files_in_four_formats(repsim, eight, tmp_path):
    ran = repsim("compare", eight, "--all-pairs", "--measure", "cka", "--output", tmp_path / "out")
    assert ran.code == 0
    assert "A B layer neurons positions samples CKA m0 m1 fc1 4 1 60" in ran.out
    rows = pl.read_parquet(tmp_path / "out" / "results.parquet")
    assert rows.height == 28 * 2
    assert rows["network_a"].unique().sort().to_list() == [f"m{n}" for n in range(7)]
    assert (tmp_path / "out" / "report.html").read_text().count("m7")


def test_more_than_two_need_to_be_asked_for(repsim, eight):
    ran = repsim("compare", eight / "*.h5", eight / "*.npz")
    assert ran.code == 2
    assert "Expected two files, or --all-pairs. Got 4 files, which are 6 pairs." in ran.err


def test_nulls_and_intervals_stand_beside_the_values(repsim, eight, tmp_path):
    files = [eight / "m0.h5", eight / "m1.npz"]
    asked = ["--measure", "cka", "--measure", "match", "--epsilon", "0.8", "--layer", "fc1"]
    ran = repsim(
        "compare", *files, *asked, "--across", "--null", "--intervals", "--output", tmp_path
    )
    assert ran.code == 0
    rows = pl.read_parquet(tmp_path / "results.parquet").filter(pl.col("p_value").is_not_null())
    assert rows.height == 3
    assert (rows["interval_low"] <= rows["interval_high"]).all()
    cka = rows.filter(pl.col("measure").str.starts_with("cka")).row(0, named=True)
    bounds = f"[{cka['interval_low']:.3f}, {cka['interval_high']:.3f}]"
    assert f"{cka['value']:.3f} {bounds} p={cka['p_value']:.2g}" in ran.out
    assert "p: as much similarity of permuted examples" in ran.out


def test_models_and_data_by_name(repsim, own_models):
    torch.manual_seed(1)
    weights = {"0.weight": torch.randn(6, 4), "0.bias": torch.zeros(6)}
    weights |= {"2.weight": torch.randn(3, 6), "2.bias": torch.zeros(3)}
    torch.save(weights, own_models / "b.pt")
    ran = repsim(
        *("compare", "--model", "a=own_models:small", "--model", "b=own_models:small"),
        *("--weights", f"b={own_models / 'b.pt'}", "--data", "own_models:loader"),
        *("--measure", "cka", "--layer", "1"),
    )
    assert ran.code == 0
    assert "1 6 1 40 " in ran.out
    same = repsim(
        *("compare", "--model", "a=own_models:small", "--model", "b=own_models:small"),
        *("--data", "own_models:images", "--measure", "cka", "--layer", "1"),
    )
    assert "1 6 1 10 1.000" in same.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Expected files of activations, or --model and --data"),
        (["--model", "small"], "Expected a model as NAME=MODULE:FUNCTION. Got 'small'."),
        (["--model", "a=own_models:small", "--model", "b=own_models:small"], "Got none."),
        (["--model", "a=own_models:large", "--data", "own_models:loader"], "large"),
        (["--model", "a=own_models:number", "--data", "own_models:loader"], "Got a int."),
        (["--model", "a=own_models:small", "--data", "own_models:loader"], "at least two models"),
        (["a.npy", "--model", "a=own_models:small"], "Got --model with files"),
        (["a.npy", "b.npy", "--data", "own_models:loader"], "Got no --model."),
        (
            [
                *("--model", "a=own_models:small", "--weights", "c=x.pt"),
                "--data",
                "own_models:images",
            ],
            "Expected a known model. Got 'c'.",
        ),
        (
            [
                *("--model", "a=own_models:small", "--weights", "x.pt"),
                "--data",
                "own_models:images",
            ],
            "Got x.pt, which does not exist",
        ),
        (["a.npy", "b.npy", "--measure", "ckaa"], "does not exist"),
    ],
)
def test_what_cannot_be_compared_is_told(repsim, own_models, arguments, said):
    ran = repsim("compare", *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_an_unknown_measure_names_those_that_exist(repsim, eight):
    ran = repsim("compare", eight / "m0.h5", eight / "m1.npz", "--measure", "ckaa")
    assert ran.code == 2
    assert "Did you mean 'cka'?" in ran.err


@pytest.mark.full
def test_pairs_of_layers_on_dask_are_the_same(repsim, eight):
    arguments = ["compare", eight, "--all-pairs", "--epsilon", "0.8"]
    here = repsim(*arguments)
    there = repsim(*arguments, "--cluster", "local", "--cluster-set", "dask.workers=1")
    assert (there.code, there.out) == (0, here.out)
