"""repsim compare: two files of one's own."""

import numpy as np
import polars as pl
import pytest
import zarr

from repsim import cka, match_profile

GENERATOR = np.random.default_rng(0)
MAPS = np.maximum(GENERATOR.normal(size=(40, 4, 3, 3)), 0)
OTHER = np.maximum(MAPS + 0.4 * GENERATOR.normal(size=MAPS.shape), 0)


def samples(maps):
    return np.moveaxis(maps, 1, -1).reshape(-1, 4)


def tokens(maps):
    return np.moveaxis(maps, 1, -1).reshape(40, 9, 4)


def save(path, array):
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".npz":
        np.savez(path, activations=array)
    else:
        zarr.save_array(str(path), array)
    return path


@pytest.mark.parametrize("formats", [(".npy", ".npy"), (".npz", ".zarr"), (".zarr", ".npy")])
@pytest.mark.parametrize("shape", [samples, tokens, lambda maps: maps], ids=["2d", "3d", "4d"])
def test_every_format_and_shape_gives_the_same_numbers(repsim, tmp_path, formats, shape):
    a = save(tmp_path / f"a{formats[0]}", shape(MAPS))
    b = save(tmp_path / f"b{formats[1]}", shape(OTHER))
    ran = repsim("compare", a, b, "--epsilon", "0.5", "--epsilon", "0.3")
    assert ran.code == 0
    profile = match_profile(samples(MAPS), samples(OTHER))
    numbers = [profile.similarity(0.3), profile.similarity(0.5), profile.area()]
    numbers.append(cka(samples(MAPS), samples(OTHER)))
    assert "layer neurons positions samples ε=0.3 ε=0.5 area CKA" in ran.out
    reading = f"activations 4 {1 if shape is samples else 9} 360 "
    assert reading + " ".join(f"{n:.3f}" for n in numbers) in ran.out
    assert "uncentred" in ran.out


def test_maps_and_tokens_of_the_same_positions_can_be_compared(repsim, tmp_path):
    a, b = save(tmp_path / "a.npy", MAPS), save(tmp_path / "b.npy", tokens(MAPS))
    ran = repsim("compare", a, b)
    assert ran.code == 0
    assert "1.000 1.000 1.000 1.000 1.000 1.000" in ran.out


def test_centred_on_request(repsim, tmp_path):
    a, b = save(tmp_path / "a.npy", samples(MAPS)), save(tmp_path / "b.npy", samples(OTHER))
    ran = repsim("compare", a, b, "--epsilon", "0.4", "--centred")
    profile = match_profile(samples(MAPS), samples(OTHER), centred=True)
    assert f"{profile.similarity(0.4):.3f} {profile.area():.3f}" in ran.out
    assert ", centred;" in ran.out


def test_arrays_of_several_names_are_compared_name_by_name(repsim, tmp_path):
    np.savez(tmp_path / "a.npz", relu2=samples(MAPS), relu1=tokens(MAPS), left=samples(MAPS))
    group = zarr.open_group(str(tmp_path / "b.zarr"), mode="w")
    group["relu1"] = tokens(OTHER)
    group["relu2"] = samples(OTHER)
    ran = repsim("compare", tmp_path / "a.npz", tmp_path / "b.zarr")
    assert ran.code == 0
    assert "relu2 4 1 360" in ran.out
    assert "relu1 4 9 360" in ran.out
    assert "the other has no layer of this name: left of a." in ran.out


def test_labels_beside_the_activations_are_skipped_with_a_line(repsim, tmp_path):
    for name, maps in (("a", MAPS), ("b", OTHER)):
        extra = {"labels": np.arange(40), "epoch": 3, "names": np.array(["x", "y"])}
        np.savez(tmp_path / f"{name}.npz", relu1=maps, **extra)
    ran = repsim("compare", tmp_path / "a.npz", tmp_path / "b.npz", "--output", tmp_path / "r")
    assert ran.code == 0
    assert "relu1 4 9 360" in ran.out
    for name in ("labels", "epoch", "names"):
        assert ran.out.count(f"Skipped {name} of ") == 2
    assert "Skipped labels of" in (tmp_path / "r" / "report.html").read_text()


def test_a_layer_that_cannot_be_compared_leaves_the_others_alone(repsim, tmp_path):
    broken = samples(OTHER).copy()
    broken[5, 1] = np.nan
    np.savez(tmp_path / "a.npz", relu1=MAPS, relu2=samples(MAPS), fc=samples(MAPS))
    np.savez(tmp_path / "b.npz", relu1=OTHER, relu2=broken, fc=samples(OTHER)[:9])
    ran = repsim("compare", tmp_path / "a.npz", tmp_path / "b.npz", "--output", tmp_path / "r")
    assert ran.code == 2
    assert "relu1 4 9 360" in ran.out
    assert "relu2 was not compared: Expected finite activations. Got nan in Y" in ran.err
    assert "fc was not compared: Expected the same samples in both." in ran.err
    table = pl.read_parquet(tmp_path / "r" / "results.parquet")
    assert table["layer"].unique().to_list() == ["relu1"]
    assert "relu2 was not compared" in (tmp_path / "r" / "report.html").read_text()


@pytest.mark.parametrize("fill", [0.0, np.nan])
def test_absent_chunks_are_a_caution_before_anything_else(repsim, tmp_path, fill):
    array = zarr.create_array(
        str(tmp_path / "b.zarr"), shape=(360, 4), chunks=(90, 4), dtype="f4", fill_value=fill
    )
    array[:] = 1 + samples(OTHER)
    (tmp_path / "b.zarr" / "c" / "2" / "0").unlink()
    ran = repsim("compare", save(tmp_path / "a.npy", samples(MAPS)), tmp_path / "b.zarr")
    assert f"1 of 4 chunks is absent from the store; Zarr reads it as {fill}." in ran.out
    assert ran.code == (0 if fill == 0 else 2)


def test_too_few_samples_for_the_neurons_are_told(repsim, tmp_path):
    a = save(tmp_path / "a.npy", samples(MAPS)[:15])
    said = repsim("compare", a, a).out
    assert "15 samples for 4 + 4 neurons: unrelated neurons already match from about" in said
    enough = save(tmp_path / "b.npy", samples(MAPS)[:80])
    assert "unrelated neurons" not in repsim("compare", enough, enough).out


def test_a_measure_without_a_value_says_why(repsim, tmp_path):
    a = save(tmp_path / "a.npy", np.ones((40, 3)))
    ran = repsim("compare", a, save(tmp_path / "b.npy", samples(OTHER)[:40, :3]))
    assert ran.code == 0
    assert "undefined" in ran.out
    assert "every neuron of X is constant over the samples" in ran.out


def test_a_report_and_its_tables_on_request(repsim, tmp_path):
    a, b = save(tmp_path / "a.npy", MAPS), save(tmp_path / "b.npy", OTHER)
    folder = tmp_path / "deep" / "report"
    ran = repsim("compare", a, b, "--output", folder, "--epsilon", "0.4")
    assert ran.code == 0
    assert f"Report: {folder / 'report.html'}" in ran.out
    page = (folder / "report.html").read_text()
    assert "a.npy" in page
    assert "b.npy" in page
    table = pl.read_parquet(folder / "results.parquet")
    row = table.filter(pl.col("epsilon") == 0.4).row(0, named=True)
    assert row["value"] == match_profile(samples(MAPS), samples(OTHER)).similarity(0.4)
    assert (row["examples"], row["samples"]) == (40, 360)


def test_two_files_of_the_same_name_can_be_reported(repsim, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        save(tmp_path / name / "x.npy", samples(MAPS))
    ran = repsim(
        "compare", tmp_path / "one/x.npy", tmp_path / "two/x.npy", "--output", tmp_path / "r"
    )
    assert ran.code == 0


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_what_is_pickled_is_refused(repsim, tmp_path, suffix):
    trapped = np.array([[Trap(tmp_path / "sprung")]], dtype=object)
    ran = repsim("compare", save(tmp_path / f"a{suffix}", trapped), tmp_path / f"a{suffix}")
    assert ran.code == 2
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (MAPS, MAPS[:39], "Expected the same samples in both. Got 40 examples × 9 positions"),
        (samples(MAPS), MAPS, "Got 360 examples × 1 positions"),
        (samples(MAPS), samples(MAPS)[:, 0], "Got activations: shape (360,)"),
        (np.zeros((5, 0)), np.zeros((5, 0)), "no samples or no neurons"),
        (samples(MAPS) * np.nan, samples(MAPS), "Expected finite activations. Got nan in X"),
        (samples(MAPS) * 1j, samples(MAPS), "complex128, which are no real numbers"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_with_what_they_are(
    repsim, tmp_path, first, second, said
):
    ran = repsim("compare", save(tmp_path / "a.npy", first), save(tmp_path / "b.npy", second))
    assert ran.code == 2
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_files_without_a_common_name_are_compared_across(repsim, tmp_path):
    np.savez(tmp_path / "a.npz", p=samples(MAPS), q=samples(OTHER))
    np.savez(tmp_path / "b.npz", r=samples(MAPS), s=samples(MAPS))
    ran = repsim("compare", tmp_path / "a.npz", tmp_path / "b.npz", "--output", tmp_path / "out")
    assert ran.code == 0
    assert "p r 4 1 360 1.000" in ran.out
    assert pl.read_csv(tmp_path / "out" / "results.csv")["layer"].n_unique() == 4
    assert "Layers of a and b" in (tmp_path / "out" / "report.html").read_text()
    refused = repsim("compare", tmp_path / "a.npz", tmp_path / "b.npz", "--by-name")
    assert refused.code == 2
    assert "Expected layers of the same name in a and b. Got p, q" in refused.err


def test_unequal_positions_are_averaged_and_said(repsim, tmp_path):
    few = MAPS[:, :, :2, :2]
    a, b = save(tmp_path / "a.npy", MAPS), save(tmp_path / "b.npy", few)
    ran = repsim("compare", a, b, "--measure", "cka")
    assert ran.code == 0
    assert f"4 1 40 {cka(MAPS.mean((2, 3)), few.mean((2, 3))):.3f}" in ran.out
    assert "averaged over their positions" in ran.out


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none.npy", "which does not exist"),
        ("a.mat", ".pt, .pth or .zarr file. Got"),
        ("junk.npy", "Expected activations in"),
        ("empty.npy", "Expected activations in"),
        ("empty.npz", "Expected an .npz archive"),
        ("empty.zarr", ".pt, .pth or .zarr file. Got"),
        ("cut.npz", "Bad CRC-32"),
        ("folder", "Expected a Zarr array or group in the folder"),
    ],
)
def test_what_is_no_such_file_is_refused(repsim, tmp_path, name, said):
    (tmp_path / "a.mat").write_text("")
    (tmp_path / "junk.npy").write_text("junk")
    (tmp_path / "folder").mkdir()
    for empty in ("empty.npy", "empty.npz", "empty.zarr"):
        (tmp_path / empty).write_bytes(b"")
    whole = save(tmp_path / "cut.npz", MAPS).read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[:200] + bytes(100) + whole[300:])
    good = save(tmp_path / "a.npy", samples(MAPS))
    ran = repsim("compare", good, tmp_path / name)
    assert ran.code == 2
    assert said in ran.err
    assert "pickle" not in ran.err


@pytest.mark.parametrize("epsilon", ["1.0", "-0.1", "nan"])
def test_an_epsilon_outside_is_refused(repsim, tmp_path, epsilon):
    a = save(tmp_path / "a.npy", samples(MAPS))
    ran = repsim("compare", a, a, f"--epsilon={epsilon}")
    assert ran.code == 2
    assert "Expected ε in [0, 1)." in ran.err


def test_four_axes_in_doubt_need_an_option(repsim, tmp_path):
    last = np.random.default_rng(0).normal(size=(20, 8, 8, 3))
    a = save(tmp_path / "a.npy", last)
    refused = repsim("compare", a, a)
    assert refused.code == 2
    assert "Got shape (20, 8, 8, 3)" in refused.err
    assert "--channels first or --channels last" in refused.err
    assert "activations 3 64 1,280 " in repsim("compare", a, a, "--channels", "last").out
    assert "activations 8 24 480 " in repsim("compare", a, a, "--channels", "first").out
