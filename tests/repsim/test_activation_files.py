"""Files of activations that others saved: every format and shape, and nothing pickled."""

import logging
import re
import zipfile

import numpy as np
import pytest
import zarr

from repsim import Factor, Moments, activation_files
from repsim.activation_files import factor_of, moments_of, open_activations
from repsim.errors import InputError

MAPS = np.random.default_rng(0).normal(size=(12, 3, 4, 4)).astype(np.float32)
TOKENS = np.moveaxis(MAPS, 1, -1).reshape(12, 16, 3)
SAMPLES = TOKENS.reshape(192, 3)


def save(path, array):
    match path.suffix:
        case ".npy":
            np.save(path, array)
        case ".npz":
            np.savez(path, activations=array)
        case ".zarr":
            zarr.save_array(str(path), array)
    return path


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".zarr"])
@pytest.mark.parametrize(
    ("array", "sizes"),
    [(MAPS, (12, 16, 3)), (TOKENS, (12, 16, 3)), (SAMPLES, (192, 1, 3))],
    ids=["maps", "tokens", "samples"],
)
def test_every_format_and_shape_gives_samples_times_neurons(tmp_path, suffix, array, sizes):
    (layer,) = open_activations(save(tmp_path / f"x{suffix}", array)).values()
    assert layer.name == "activations"
    assert (layer.examples, layer.positions, layer.neurons) == sizes
    np.testing.assert_array_equal(layer.block(0, layer.examples), SAMPLES)
    half = layer.examples // 2
    np.testing.assert_array_equal(layer.block(half, 10**6), SAMPLES[len(SAMPLES) // 2 :])


def test_an_archive_and_a_group_have_a_layer_for_each_name(tmp_path):
    np.savez(tmp_path / "x.npz", relu1=MAPS, fc=SAMPLES)
    group = zarr.open_group(str(tmp_path / "x.zarr"), mode="w")
    group["relu1"] = MAPS
    group["fc"] = SAMPLES
    for name in ("x.npz", "x.zarr"):
        layers = open_activations(tmp_path / name)
        assert set(layers) == {"relu1", "fc"}
        np.testing.assert_array_equal(layers["relu1"].block(0, 12), SAMPLES)


@pytest.mark.parametrize("block_bytes", [1, 700, 2**26])
def test_moments_do_not_depend_on_the_blocks(tmp_path, monkeypatch, block_bytes):
    monkeypatch.setattr(activation_files, "BLOCK_BYTES", block_bytes)
    y = TOKENS[:, :, :2] ** 2
    (x,) = open_activations(save(tmp_path / "x.npy", MAPS)).values()
    (other,) = open_activations(save(tmp_path / "y.zarr", y)).values()
    moments, whole = moments_of(x, other), Moments.from_arrays(SAMPLES, y.reshape(-1, 2))
    assert moments.count == 192
    np.testing.assert_allclose(moments.xy, whole.xy, rtol=1e-12)
    np.testing.assert_allclose(moments.yy, whole.yy, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int8", "uint8", "bool", "i4"])
def test_every_type_of_real_number_can_be_used(tmp_path, dtype):
    array = (SAMPLES > 0).astype(dtype)
    (x,) = open_activations(save(tmp_path / "x.npy", array)).values()
    np.testing.assert_array_equal(moments_of(x, x).xx, (array.T.astype(float) @ array))


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize(
    ("suffix", "said"), [(".npy", "Got: .*Python objects"), (".npz", "Got activations: pickled")]
)
def test_what_is_pickled_is_refused_and_never_loaded(tmp_path, suffix, said):
    path = save(tmp_path / f"x{suffix}", np.array([[Trap(tmp_path / "sprung")]], dtype=object))
    with pytest.raises(InputError, match=rf"activations in .*x{suffix}.*{said}"):
        open_activations(path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_a_file_of_something_else_is_refused_without_advice_to_unpickle_it(tmp_path, name):
    (tmp_path / name).write_bytes(b"anything else")
    with pytest.raises(InputError, match=rf"Expected .*{name}") as caught:
        open_activations(tmp_path / name)
    assert "pickle" not in str(caught.value)


def test_a_file_that_was_cut_off_is_refused(tmp_path):
    for suffix in (".npy", ".npz"):
        path = save(tmp_path / f"x{suffix}", MAPS)
        path.write_bytes(path.read_bytes()[:-40])
        with pytest.raises(InputError, match="Expected "):
            open_activations(path)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros(5), r"Got activations: shape \(5,\), one axis.*x\[:, None\]"),
        (np.float64(1), r"Got activations: shape \(\), 0 axes"),
        (
            np.zeros((1, 2, 3, 4, 5)),
            r"or four \(examples × channels .* Got activations: shape \(1, 2, 3, 4, 5\), 5 axes",
        ),
        (np.zeros((0, 5)), r"shape \(0, 5\), which has no samples or no neurons"),
        (np.zeros((5, 0)), r"shape \(5, 0\), which has no samples or no neurons"),
        (np.zeros((5, 0, 3)), "no samples or no neurons"),
        (np.zeros((5, 3, 2, 0)), "no samples or no neurons"),
        (np.zeros((5, 3), complex), r"shape \(5, 3\) of dtype complex128.* no real numbers"),
        (np.array([["a"]]), "dtype <U1, which are no real numbers"),
        (np.array([["2020-01-01"]], "M8[D]"), "dtype datetime64.*no real numbers"),
    ],
)
def test_an_array_that_is_no_layer_is_refused(tmp_path, array, said):
    with pytest.raises(InputError, match=said):
        open_activations(save(tmp_path / "x.npy", array))


def save_in_folder(path):
    path.mkdir()
    for name in "ba":
        np.save(path / f"{name}.npy", SAMPLES)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "which does not exist"),
        (lambda path: path.mkdir(), r"Zarr array or group .*x\.mat\. Got a folder with: nothing"),
        (save_in_folder, r"Got a folder with: a\.npy, b\.npy\. Give one file"),
        (lambda path: path.write_text(""), r"Expected a \.npy, .* or \.zarr file\. Got"),
    ],
)
def test_a_path_that_is_no_such_file_is_refused(tmp_path, make, said):
    make(tmp_path / "x.mat")
    with pytest.raises(InputError, match=said):
        open_activations(tmp_path / "x.mat")


def test_files_without_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz")
    zarr.open_group(str(tmp_path / "x.zarr"), mode="w").create_group("deeper")
    for name in ("x.npz", "x.zarr"):
        with pytest.raises(InputError, match=r"Expected at least one array.*Got none\."):
            open_activations(tmp_path / name)


def test_arrays_in_groups_of_groups_are_named_by_their_place(tmp_path):
    group = zarr.open_group(str(tmp_path / "x.zarr"), mode="w")
    group["fc"] = SAMPLES
    group.create_group("blocks/deeper")["relu"] = MAPS
    layers = open_activations(tmp_path / "x.zarr")
    assert set(layers) == {"fc", "blocks/deeper/relu"}
    np.testing.assert_array_equal(layers["blocks/deeper/relu"].block(0, 12), SAMPLES)
    assert set(open_activations(tmp_path / "x.zarr" / "blocks")) == {"deeper/relu"}


OTHERS = {
    "labels": (np.arange(96), r"shape \(96,\), one axis"),
    "epoch": (np.array(3), r"shape \(\), 0 axes"),
    "classes": (np.array(["cat", "dog"]), r"shape \(2,\) of dtype"),
    "unused": (np.zeros((0, 3)), "no samples or no neurons"),
    "spectrum": (SAMPLES * 1j, "complex64"),
    "video": (np.zeros((1, 2, 3, 4, 5)), "5 axes"),
}


def test_what_can_be_no_layer_does_not_block_the_others(tmp_path):
    np.savez(
        tmp_path / "x.npz",
        relu1=MAPS,
        fc=SAMPLES,
        names=np.array([{"a": 1}, None]),
        **{name: array for name, (array, _) in OTHERS.items()},
    )
    with zipfile.ZipFile(tmp_path / "x.npz", "a") as archive:
        archive.writestr("readme.txt", "words")
        archive.writestr("broken.npy", "not an array")
    group = zarr.open_group(str(tmp_path / "x.zarr"), mode="w", zarr_format=2)
    arrays = {"relu1": MAPS, "fc": SAMPLES} | {name: array for name, (array, _) in OTHERS.items()}
    for name, array in arrays.items():
        group.create_array(name, data=array)
    group.create_array("broken", data=SAMPLES)
    (tmp_path / "x.zarr" / "broken" / ".zarray").write_text("{}")
    group.create_group("deeper")
    more = {
        "x.npz": {"names": "pickled", "readme.txt": "not an array", "broken": "not an array"},
        "x.zarr": {"broken": "zarr cannot open it"},
    }
    for file, others in more.items():
        told = []
        layers = open_activations(tmp_path / file, told.append)
        assert set(layers) == {"relu1", "fc"}
        np.testing.assert_array_equal(layers["relu1"].block(0, 12), SAMPLES)
        for name, reason in {**{n: r for n, (_, r) in OTHERS.items()}, **others}.items():
            (line,) = [line for line in told if line.startswith(f"Skipped {name} of ")]
            assert re.search(f"{file}: .*{reason}", line)
        assert len(told) == len(OTHERS) + len(others)


def test_an_archive_of_labels_alone_is_refused_with_all_that_is_in_it(tmp_path):
    np.savez(tmp_path / "x.npz", labels=np.arange(5), epoch=3)
    with pytest.raises(InputError, match=r"Got labels: shape \(5,\).*; epoch: shape \(\), 0 axes"):
        open_activations(tmp_path / "x.npz")


def test_what_is_skipped_is_logged_where_nobody_asks(tmp_path, caplog):
    np.savez(tmp_path / "x.npz", fc=SAMPLES, labels=np.arange(96))
    logging.getLogger("repsim").propagate = True
    open_activations(tmp_path / "x.npz")
    assert "Skipped labels of" in caplog.text


def test_arrays_that_consolidated_metadata_lack_are_read(tmp_path):
    group = zarr.open_group(str(tmp_path / "x.zarr"), mode="w", zarr_format=2)
    group["relu1"] = MAPS
    zarr.consolidate_metadata(str(tmp_path / "x.zarr"))
    group["fc"] = SAMPLES
    assert set(open_activations(tmp_path / "x.zarr")) == {"relu1", "fc"}


def test_absent_chunks_are_told_with_their_number(tmp_path):
    group = zarr.open_group(str(tmp_path / "x.zarr"), mode="w")
    for name in ("whole", "holes"):
        group.create_array(name, shape=(90, 3), chunks=(10, 3), dtype="f4", fill_value=0)
        group[name][:] = 1 + SAMPLES[:90] ** 2
    for chunk in (2, 7):
        (tmp_path / "x.zarr" / "holes" / "c" / str(chunk) / "0").unlink()
    told = []
    assert set(open_activations(tmp_path / "x.zarr", told.append)) == {"whole", "holes"}
    (line,) = told
    assert "layer holes of" in line
    assert "2 of 9 chunks are absent from the store; Zarr reads them as 0.0." in line


def test_a_chunk_that_cannot_be_decoded_is_an_error_in_words(tmp_path):
    path = save(tmp_path / "x.zarr", SAMPLES)
    (chunk,) = [file for file in (path / "c").rglob("*") if file.is_file()]
    chunk.write_bytes(b"")
    (x,) = open_activations(path).values()
    with pytest.raises(
        InputError, match=f"Expected to read examples 0 to {len(SAMPLES)} of activations"
    ):
        moments_of(x, x)


@pytest.mark.parametrize("other", [SAMPLES, TOKENS[:11], TOKENS[:, :7], MAPS[:, :, :2, :2]])
def test_other_samples_are_refused(tmp_path, other):
    (x,) = open_activations(save(tmp_path / "x.npy", MAPS)).values()
    (y,) = open_activations(save(tmp_path / "y.npy", other)).values()
    with pytest.raises(InputError, match="Got 12 examples × 16 positions in activations of the fi"):
        moments_of(x, y)


def test_a_number_that_is_not_finite_is_found_with_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr(activation_files, "BLOCK_BYTES", 5 * 16 * 8 * (3 + 3))
    broken = TOKENS.copy()
    broken[6, 2, 1] = np.nan
    (x,) = open_activations(save(tmp_path / "x.npy", TOKENS)).values()
    (y,) = open_activations(save(tmp_path / "y.npy", broken)).values()
    with pytest.raises(InputError) as caught:
        moments_of(x, y)
    # The block of five examples begins with example 5: one whole example of 16 comes before.
    assert "Got nan in Y at sample 18, neuron 1" in str(caught.value)
    assert str(caught.value).endswith("Samples are counted from example 5.")


def test_the_factor_is_that_of_the_whole_arrays(tmp_path, monkeypatch):
    monkeypatch.setattr("repsim.activation_files.BLOCK_BYTES", 1)
    random = np.random.default_rng(0)
    arrays = random.normal(size=(20, 3)), random.normal(size=(20, 2))
    for name, array in zip("xy", arrays, strict=True):
        np.save(tmp_path / f"{name}.npy", array)
    x, y = (open_activations(tmp_path / f"{name}.npy")["activations"] for name in "xy")
    ours, whole = factor_of(x, y).neurons(centred=False), Factor.from_arrays(*arrays)
    np.testing.assert_allclose(
        ours.T @ ours, whole.neurons(centred=False).T @ whole.neurons(centred=False)
    )


@pytest.mark.parametrize("shape", [(2, 32, 32, 3), (2, 8, 8, 8), (2, 64, 8, 4)])
def test_four_axes_that_could_be_read_in_two_ways_need_a_word(tmp_path, shape):
    array = np.random.default_rng(1).normal(size=shape)
    path = save(tmp_path / "x.npy", array)
    with pytest.raises(InputError, match=r"--channels first or --channels last"):
        open_activations(path)
    for channels, axis in (("first", 1), ("last", 3)):
        layer = open_activations(path, channels=channels)["activations"]
        assert layer.neurons == shape[axis]
        assert layer.positions == np.prod(shape[1:]) // shape[axis]
        expected = np.moveaxis(array, axis, -1).reshape(-1, shape[axis])
        np.testing.assert_array_equal(layer.block(0, 2), expected)


def test_channels_first_is_also_for_series(tmp_path):
    series = np.random.default_rng(1).normal(size=(5, 3, 7))
    path = save(tmp_path / "x.npy", series)
    assert open_activations(path)["activations"].neurons == 7
    layer = open_activations(path, channels="first")["activations"]
    np.testing.assert_array_equal(layer.block(0, 5), series.transpose(0, 2, 1).reshape(-1, 3))
