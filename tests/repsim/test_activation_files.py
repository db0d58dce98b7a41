"""Files of activations that others saved: every format and shape, and nothing pickled."""

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


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_what_is_pickled_is_refused_and_never_loaded(tmp_path, suffix):
    path = save(tmp_path / f"x{suffix}", np.array([[Trap(tmp_path / "sprung")]], dtype=object))
    with pytest.raises(InputError, match=f"Expected activations in .*x{suffix}. Got: .*[Oo]bject"):
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
        (np.zeros(5), r"Got shape \(5,\)"),
        (np.float64(1), r"Got shape \(\)"),
        (
            np.zeros((1, 2, 3, 4, 5)),
            r"or four \(examples × channels .* Got shape \(1, 2, 3, 4, 5\)",
        ),
        (np.zeros((0, 5)), r"at least one sample and one neuron .* Got shape \(0, 5\)"),
        (np.zeros((5, 0)), r"at least one sample and one neuron .* Got shape \(5, 0\)"),
        (np.zeros((5, 0, 3)), r"at least one sample and one neuron"),
        (np.zeros((5, 3, 2, 0)), r"at least one sample and one neuron"),
        (np.zeros((5, 3), complex), r"Expected numbers in activations of .* Got dtype complex128"),
        (np.array([["a"]]), r"Expected numbers in activations of .* Got dtype <U1"),
    ],
)
def test_an_array_that_is_no_layer_is_refused(tmp_path, array, said):
    with pytest.raises(InputError, match=said):
        open_activations(save(tmp_path / "x.npy", array))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "which does not exist"),
        (lambda path: path.mkdir(), "Expected activations in .*x.mat"),
        (lambda path: path.write_text(""), r"Expected a \.npy, \.npz or \.zarr file\. Got"),
    ],
)
def test_a_path_that_is_no_such_file_is_refused(tmp_path, make, said):
    make(tmp_path / "x.mat")
    with pytest.raises(InputError, match=said):
        open_activations(tmp_path / "x.mat")


def test_files_without_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz")
    zarr.open_group(str(tmp_path / "x.zarr"), mode="w").create_group("deeper")["a"] = SAMPLES
    for name in ("x.npz", "x.zarr"):
        with pytest.raises(InputError, match="Expected at least one array"):
            open_activations(tmp_path / name)


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
