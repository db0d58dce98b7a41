"""What users hand in is read as the numbers it holds, or refused with what to do."""

import pickle
import warnings

import dask.array
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch
import zarr

import repsim
from repsim.arrays import as_array
from repsim.errors import InputError

VALUES = np.random.default_rng(0).normal(size=(20, 3))
TENSOR = torch.from_numpy(VALUES)
ROUNDED = TENSOR.bfloat16().double().numpy()


def test_arrays_and_tensors_are_not_copied():
    assert as_array(VALUES, "X") is VALUES
    assert np.shares_memory(as_array(TENSOR.requires_grad_(False), "X"), VALUES)
    assert as_array(VALUES[::2, ::-1], "X").base is VALUES


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (VALUES.tolist(), VALUES),
        (tuple(TENSOR), VALUES),
        (torch.nn.Parameter(TENSOR), VALUES),
        (TENSOR.bfloat16().requires_grad_(), ROUNDED),
        (TENSOR.to(torch.float8_e5m2), TENSOR.to(torch.float8_e5m2).double().numpy()),
        (torch.ones(3, 2, dtype=torch.uint16), np.ones((3, 2))),
        (torch.imag(torch.conj(1j * TENSOR)), -VALUES),  # a view that torch negates when read
        (VALUES.astype(">f4"), VALUES.astype("f4")),
        (VALUES.astype(np.longdouble), VALUES),
        (VALUES > 0, VALUES > 0),
        (np.ma.array(VALUES), VALUES),
        (np.ma.array(VALUES, mask=np.zeros_like(VALUES)), VALUES),
        (pd.DataFrame(VALUES), VALUES),
        (pl.DataFrame(VALUES), VALUES),
        (dask.array.from_array(VALUES, chunks=7), VALUES),
        (zarr.array(VALUES), VALUES),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_holds_numbers_is_read(value, expected):
    array = as_array(value, "X")
    assert type(array) is np.ndarray
    np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("convert", [lambda x: x.astype(">f8"), lambda x: x.astype(np.longdouble)])
def test_byte_order_and_precision_do_not_change_a_measure(convert):
    y = VALUES[:, :2] ** 2
    for measure in (repsim.cka, repsim.rsa, repsim.svcca):
        assert measure(convert(VALUES), y) == pytest.approx(measure(VALUES, y), rel=1e-12)


def test_a_number_that_does_not_fit_in_float64_is_named():
    if np.finfo(np.longdouble).maxexp == np.finfo(np.float64).maxexp:
        pytest.skip("no wider type here")
    huge = VALUES.astype(np.longdouble)
    huge[4, 1] = np.longdouble("1e400")
    with pytest.raises(InputError, match="Got inf in X at sample 4, neuron 1"):
        repsim.cka(huge, VALUES)


MASK = np.zeros(VALUES.shape, bool)
MASK[3, 1] = MASK[7] = True
MASKED = np.ma.array(VALUES, mask=MASK)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (MASKED, r"~np\.ma\.getmaskarray\(x\)\.any\(axis=1\), then np\.asarray\(x\)\[keep\]"),
        (MASKED.reshape(20, 1, 3), r"getmaskarray\(x\)\.any\(axis=\(1, 2\)\)"),
        (list(MASKED), r"getmaskarray\(np\.ma\.stack\(x\)\)\.any\(axis=1\)"),
        (dask.array.from_array(MASKED, chunks=5, asarray=False), r"\.any\(axis=1\)"),
    ],
    ids=["matrix", "maps", "list", "dask"],
)
def test_masks_are_refused_with_how_to_select_rows(value, hint):
    with pytest.raises(
        InputError, match=rf"Got 4 masked numbers of 60.*the other array alike.*{hint}"
    ):
        as_array(value, "X")


def test_the_rows_that_the_message_selects_are_those_without_a_mask():
    keep = ~np.ma.getmaskarray(MASKED).any(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(~keep), [3, 7])
    assert repsim.cka(np.asarray(MASKED)[keep], VALUES[keep]) == pytest.approx(1)


def masked_tensor():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.masked.masked_tensor(TENSOR, TENSOR > 0)


def nested(layout):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.nested.nested_tensor([TENSOR[:5], TENSOR[:3]], layout=layout)


def sparse(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(TENSOR, f"to_sparse_{kind}")() if kind else TENSOR.to_sparse()


def quantised():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(TENSOR.float(), 0.1, 0, torch.qint8)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (masked_tensor, r"without a mask.*x\.get_data\(\)\[x\.get_mask\(\)\.all\(dim=1\)\]"),
        (lambda: sparse(""), r"dense.*layout sparse_coo.*x\.to_dense\(\)"),
        (lambda: sparse("csr"), r"dense.*layout sparse_csr.*x\.to_dense\(\)"),
        (lambda: sparse("csc"), r"dense.*layout sparse_csc.*x\.to_dense\(\)"),
        (lambda: TENSOR.float().to_mkldnn(), r"dense.*layout _mkldnn.*x\.to_dense\(\)"),
        (lambda: scipy.sparse.csr_matrix(VALUES), r"dense.*csr_matrix.*x\.toarray\(\)"),
        (lambda: scipy.sparse.coo_array(VALUES), r"dense.*coo_array.*x\.toarray\(\)"),
        (lambda: nested(torch.strided), r"nested tensor.*torch\.cat\(x\.unbind\(\)\)"),
        (lambda: nested(torch.jagged), r"nested tensor.*torch\.cat\(x\.unbind\(\)\)"),
        (quantised, r"quantised tensor of torch\.qint8.*x\.dequantize\(\)"),
        (lambda: TENSOR.to("meta"), "Expected X with values.*meta device"),
        (lambda: 1j * TENSOR, r"torch\.complex128.*real and imaginary parts"),
        (lambda: 1j * VALUES, r"complex128.*real and imaginary parts"),
        (lambda: VALUES.astype(object), "dtype object.*missing values"),
        (lambda: [[1, None], [2, 3]], "dtype object.*missing values"),
        (lambda: pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), "dtype object.*mixed types"),
        (lambda: pl.DataFrame({"a": ["x", "y"]}), "dtype object.*mixed types"),
        (lambda: np.array([["a"]]), "dtype <U1.*Remove what is text"),
        (lambda: np.array([[b"a"]]), "dtype .S1.*Remove what is text"),
        (lambda: np.array([["a"]], np.dtypes.StringDType()), "Remove what is text"),
        (lambda: np.array([["2020-01-01"]], "M8[D]"), r"datetime64\[D\].*dates"),
        (lambda: np.array([[3]], "m8[s]"), r"timedelta64\[s\].*Divide durations"),
        (lambda: np.zeros((4, 2), [("a", "f4")]), "structured_to_unstructured"),
        (lambda: [VALUES[:3], VALUES[:4]], r"\(3, 3\) and \(4, 3\).*np\.concatenate\(x\)"),
        (lambda: [TENSOR[:3], TENSOR[:4]], r"\(3, 3\) and \(4, 3\).*np\.concatenate\(x\)"),
        (lambda: [[1.0, 2.0], [3.0]], r"\(1,\) and \(2,\)\. Every sample must have the same shape"),
        (lambda: [[[1.0], [1.0, 2.0]], [[3.0]]], "2 parts that hold rows of different lengths"),
        (lambda: [VALUES[:3], VALUES[:3, :2]], "Every sample must have the same shape"),
        (lambda: [TENSOR[0].clone().requires_grad_()] * 2, "list that numpy cannot read.*grad"),
        (lambda: {"layer1": VALUES, "fc": VALUES}, "a dict with the names layer1, fc"),
        (lambda: "x.npy", r"Got 'x\.npy'\. Load it first"),
        (lambda: {1, 2}, "Got a set"),
        (lambda: (row for row in VALUES), "Got a generator"),
        (lambda: torch.nn.Linear(2, 2), "Got a Linear"),
    ],
)
def test_whatever_is_no_array_of_numbers_is_refused_with_what_to_do(make, said):
    value = make()
    for measure in (repsim.cka, repsim.rsa, repsim.match_profile):
        with pytest.raises(InputError, match=said.replace("Expected X", "Expected [XY]")):
            measure(value, VALUES)
    with pytest.raises(InputError, match="Y"):
        repsim.cka(VALUES, value)


@pytest.mark.parametrize(
    ("array", "matrix", "layer"),
    [
        (np.float64(1), "single number", "single number"),
        (VALUES[:, 0], r"one neuron, give x\[:, None\]", r"one neuron, give x\[:, None\]"),
        (VALUES[:, :0], r"at least one neuron in .* Got shape \(20, 0\)", "at least one example"),
        (
            np.ones((2, 3, 4, 5)),
            r"np\.moveaxis\(x, 1, -1\)\.reshape\(-1, channels\)",
            r"np\.moveaxis\(x, 1, -1\)\.reshape\(examples, height \* width, channels\)",
        ),
        (
            np.ones((2, 3, 4, 5, 6)),
            r"np\.moveaxis\(x, axis, -1\)\.reshape\(-1, neurons\)",
            r"np\.moveaxis\(x, axis, -1\)\.reshape\(examples, -1, neurons\)",
        ),
    ],
)
def test_the_hint_fits_the_axes(array, matrix, layer):
    for measure, said in (
        (repsim.cka, matrix),
        (repsim.match_profile, matrix),
        (repsim.rsa, layer),
    ):
        with pytest.raises(InputError, match=said):
            measure(array, array)


def test_layers_without_samples_are_refused():
    for measure in (repsim.match_profile, repsim.rsa):
        with pytest.raises(InputError, match=r"at least one (sample|example)"):
            measure(VALUES[:0], VALUES[:0])


def test_three_axes_are_positions_or_a_list_of_batches():
    maps = VALUES.reshape(5, 4, 3)
    with pytest.raises(InputError, match=r"becomes \(examples \* positions, neurons\)\.$"):
        repsim.cka(maps, maps)
    with pytest.raises(InputError, match=r"A list of batches is joined by np\.concatenate\(x\)"):
        repsim.cka(list(maps), list(maps))
    assert repsim.rsa(maps, maps) == pytest.approx(1)


def test_absent_chunks_of_a_zarr_array_are_a_warning_with_their_number(tmp_path):
    array = zarr.create_array(tmp_path / "x.zarr", shape=(20, 3), chunks=(5, 3), dtype="f8")
    array[:] = VALUES
    assert repsim.cka(array, VALUES) == pytest.approx(1)
    (tmp_path / "x.zarr" / "c" / "2" / "0").unlink()
    with pytest.warns(UserWarning, match="1 of 4 chunks of X are absent .* read as 0"):
        repsim.cka(array, VALUES)


def test_a_file_of_arrays_is_refused_with_its_names(tmp_path):
    np.savez(tmp_path / "x.npz", relu1=VALUES, labels=np.arange(20))
    with np.load(tmp_path / "x.npz") as stored:
        with pytest.raises(InputError, match=r"names relu1, labels\. Choose one"):
            as_array(stored, "X")
        assert as_array(stored["relu1"], "X").shape == (20, 3)


def test_errors_travel_between_processes():
    with pytest.raises(InputError) as caught:
        as_array(MASKED, "X")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
