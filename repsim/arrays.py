"""What a user hands in, as a numpy array of real numbers, or an error that says what to do."""

import math
import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from repsim.errors import InputError

__all__ = ["ArrayLike", "as_array"]

ArrayLike = Any
"""A numpy array, a torch tensor (taken by duck typing), or anything numpy.asarray understands."""

# numpy has neither; widening them to float32 is exact.
NARROW_TORCH = ("torch.bfloat16", "torch.float8")

COMPLEX = "Put real and imaginary parts side by side: np.concatenate([x.real, x.imag], axis=-1)."
NOT_REAL = {
    "c": COMPLEX,
    "O": "Objects hide missing values, mixed types or rows of different lengths: remove these, "
    "and convert to float: np.asarray(x, dtype=float), or x.to_numpy(dtype=float) of a data frame.",
    "U": "Remove what is text, and convert to float.",
    "S": "Remove what is text, and convert to float.",
    "T": "Remove what is text, and convert to float.",
    "M": "Remove the column of dates.",
    "m": "Divide durations by a unit first: x / np.timedelta64(1, 's').",
    "V": "Convert it to float32, or a structured array to a plain one by "
    "np.lib.recfunctions.structured_to_unstructured(x).",
}


def as_array(value: ArrayLike, name: str) -> np.ndarray:
    """View `value` as a numpy array of real numbers, without a copy where numpy can do without.

    Parameters
    ----------
    value
        A numpy array, a torch tensor on any device and of any float or integer type, a data frame,
        a Zarr array, nested lists of equal lengths, or anything else that numpy.asarray reads.
        bfloat16 and float8 become float32, extended precision becomes float64.
    name
        What stands for it in messages.

    Raises
    ------
    InputError
        For masked, sparse, quantised, nested, ragged and complex arrays, tensors without values,
        text, dates and objects: each message says how to make an array of it.

    Warns
    -----
    UserWarning
        Chunks of a Zarr array are absent, and read as its fill value.

    Examples
    --------
    >>> as_array([[1, 2], [3, 4]], "X")
    array([[1, 2],
           [3, 4]])
    """
    if type(value) is not np.ndarray:  # blocks of a stream are, and come here often
        value = _read(value, name)
    array: np.ndarray = value
    if array.dtype.kind not in "fiub":
        raise InputError(
            f"Expected real numbers in {name}. Got dtype {array.dtype}. "
            f"{NOT_REAL.get(array.dtype.kind, 'Convert it to float32.')}"
        )
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        with np.errstate(over="ignore"):  # what becomes infinite is refused with its place
            return array.astype(np.float64)
    return array


def _read(value: ArrayLike, name: str) -> np.ndarray:
    what = type(value).__name__
    if isinstance(value, str | bytes | os.PathLike):
        raise InputError(
            f"Expected {name} as an array. Got {value!r}. Load it first: np.load(...)."
        )
    if isinstance(value, Mapping):
        keys = ", ".join(map(str, value)) or "none"
        raise InputError(
            f"Expected {name} as one array. Got a {what} with the names {keys}. Choose one of them."
        )
    if hasattr(value, "toarray") or hasattr(value, "todense"):
        how = "toarray" if hasattr(value, "toarray") else "todense"
        raise InputError(
            f"Expected a dense array in {name}. Got a sparse {what}. Convert it: x.{how}()."
        )
    if hasattr(value, "__dask_graph__"):  # numpy.asarray would drop a mask that its chunks have
        return _read(value.compute(), name)
    try:
        if hasattr(value, "detach") and hasattr(value, "layout"):
            return _of_tensor(value, name)
        array = np.asanyarray(value)
    except (InputError, MemoryError):
        raise
    except Exception as problem:
        raise InputError(_unreadable(value, name, problem)) from problem
    if hasattr(value, "nchunks_initialized"):
        _warn_of_absent_chunks(value, name)
    stacked = isinstance(value, list | tuple) and any(map(np.ma.isMaskedArray, value))
    _check_mask(np.ma.stack(value) if stacked else array, name, "np.ma.stack(x)" * stacked or "x")
    if array.ndim == 0 and array.dtype == object:
        raise InputError(f"Expected {name} as an array of numbers. Got a {what}.")
    return np.asarray(array)


def _warn_of_absent_chunks(array: Any, name: str) -> None:
    # Zarr counts the chunks of a whole shard, also those beyond the end of the array.
    files = array.shards or array.chunks
    count = math.prod(math.ceil(n / of) for n, of in zip(array.shape, files, strict=True))
    per_file = math.prod(of // n for of, n in zip(files, array.chunks, strict=True))
    absent = count - array.nchunks_initialized // per_file
    if absent:
        kind = "chunks" if array.shards is None else "shards"
        warnings.warn(
            f"{absent} of {count} {kind} of {name} are absent from their Zarr store, and "
            f"are read as {array.fill_value}. A writer may leave out chunks that hold nothing "
            "else; otherwise they were lost, or never written.",
            stacklevel=2,
        )


def _of_tensor(tensor: Any, name: str) -> np.ndarray:
    """A torch tensor, which need not be one that torch itself can make a numpy array of."""
    if hasattr(tensor, "get_mask"):
        raise InputError(
            f"Expected {name} without a mask. Got a {type(tensor).__name__}. Drop the samples with "
            "masked entries, here and in the other array alike: "
            "x.get_data()[x.get_mask().all(dim=1)]."
        )
    if tensor.is_nested:
        raise InputError(
            f"Expected a dense tensor in {name}. Got a nested tensor, whose parts may have "
            "different shapes. If each part holds samples × neurons: torch.cat(x.unbind())."
        )
    layout = str(tensor.layout).removeprefix("torch.")
    if layout != "strided":
        raise InputError(
            f"Expected a dense tensor in {name}. Got the layout {layout}. Convert it: x.to_dense()."
        )
    if tensor.is_quantized:
        raise InputError(
            f"Expected real numbers in {name}. Got a quantised tensor of {tensor.dtype}. "
            "Convert it: x.dequantize()."
        )
    if tensor.is_meta:
        raise InputError(
            f"Expected {name} with values. Got a tensor on the meta device, which has a shape "
            "alone. Load or compute it on a real device."
        )
    if tensor.is_complex():
        raise InputError(f"Expected real numbers in {name}. Got dtype {tensor.dtype}. {COMPLEX}")
    tensor = tensor.detach().cpu()
    if str(tensor.dtype).startswith(NARROW_TORCH):
        tensor = tensor.float()
    array: np.ndarray = tensor.numpy(force=True)
    return array


def _check_mask(array: np.ndarray, name: str, written: str) -> None:
    """Refuse masked numbers of an array that users may write as `written`."""
    mask = np.ma.getmask(array)
    if not np.any(mask):
        return
    axes = tuple(range(1, array.ndim))
    within = f".any(axis={axes[0] if len(axes) == 1 else axes})" if axes else ""
    raise InputError(
        f"Expected {name} without a mask. Got {int(mask.sum())} masked numbers of {array.size}: "
        "they would be read as if there were no mask. Drop the samples that have any, here and in "
        f"the other array alike: keep = ~np.ma.getmaskarray({written}){within}, then "
        f"np.asarray({written})[keep] and y[keep]."
    )


def _unreadable(value: ArrayLike, name: str, problem: Exception) -> str:
    what = type(value).__name__
    shapes = _shapes(value)
    if not isinstance(value, list | tuple) or len(shapes) == 1:
        return (
            f"Expected {name} as an array of numbers. Got a {what} that numpy cannot read: "
            f"{str(problem).rstrip('.')}. Convert it to a numpy array first."
        )
    said = f"Expected {name} as one array. Got a {what} of {len(value)} parts"
    if not shapes:
        return f"{said} that hold rows of different lengths. Every sample must have the same shape."
    said = f"{said} with different shapes, such as {shapes[0]} and {shapes[-1]}."
    if len({shape[1:] for shape in shapes}) == 1 and len(shapes[0]) > 1:
        return f"{said} If they are batches of samples, join them: np.concatenate(x)."
    return f"{said} Every sample must have the same shape."


def _shapes(value: ArrayLike) -> list[tuple[int, ...]]:
    """Of the parts of a list, each once; none where a part is ragged itself."""
    try:
        return sorted({tuple(np.shape(part)) for part in value})
    except (TypeError, ValueError):
        return []
