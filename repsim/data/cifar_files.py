"""Readers of the CIFAR files in their published forms: pickled batches, and plain bytes.

Unpickling runs whatever a file asks for, so pickled files are read with an unpickler that knows
five names, none of which does anything: arrays arrive as their raw bytes, and are checked before
numpy sees them. Source of the format: https://www.cs.toronto.edu/~kriz/cifar.html.
"""

import pickle
from pathlib import Path
from typing import ClassVar

import numpy as np

from repsim.errors import InputError

__all__ = ["ADDRESS", "TEST_FILES", "TRAIN_FILES", "read_batch", "read_binary"]

ADDRESS = "https://www.cs.toronto.edu/~kriz/cifar.html"

TRAIN_FILES = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST_FILES = ("test_batch",)

IMAGE_SHAPE = (3, 32, 32)
IMAGE_BYTES = 3 * 32 * 32


def read_batch(path: Path, *, labels: str = "labels") -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (n, 3, 32, 32) and labels int64 (n,) of one pickled file.

    Parameters
    ----------
    path
        The file.
    labels
        The field that holds the labels.

    Raises
    ------
    InputError
        The file is not a CIFAR batch, or asks for a name that such a file has no need of.
    """
    try:
        with path.open("rb") as file:
            content = _BatchUnpickler(file, encoding="latin1").load()
        images = _field(content, "data").array()  # type: ignore[attr-defined]
        numbers = np.array(_field(content, labels), dtype=np.int64)
    # A pickle is a program: a damaged one can fail in any way that a program can.
    except Exception as error:
        raise InputError(
            f"Expected a CIFAR batch (pickled 'data' and {labels!r}) in {path}. "
            f"Got {type(error).__name__}: {error}. Fetch the file again."
        ) from error
    if numbers.ndim != 1 or images.shape != (len(numbers), IMAGE_BYTES):
        raise InputError(
            f"Expected one row of {IMAGE_BYTES} bytes per label in {path}. "
            f"Got data of shape {images.shape} and labels of shape {numbers.shape}."
        )
    return images.reshape(-1, *IMAGE_SHAPE), numbers


def read_binary(path: Path, *, columns: int, column: int) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (n, 3, 32, 32) and labels int64 (n,) of one file of the binary version.

    Parameters
    ----------
    path
        The file.
    columns
        Labels of each image: a byte each, before its pixels.
    column
        Which of them.

    Raises
    ------
    InputError
        The file does not hold whole images.
    """
    record = columns + IMAGE_BYTES
    content = np.fromfile(path, np.uint8)
    if not len(content) or len(content) % record:
        raise InputError(
            f"Expected images of {record} bytes each in {path}. Got {len(content)} bytes. "
            "Fetch the file again."
        )
    rows = content.reshape(-1, record)
    return rows[:, columns:].reshape(-1, *IMAGE_SHAPE), rows[:, column].astype(np.int64)


def _field(content: object, name: str) -> object:
    if not isinstance(content, dict):
        raise pickle.UnpicklingError(f"a {type(content).__name__} instead of a dictionary")
    # Files written under Python 3 may have bytes as keys.
    for key in (name, name.encode()):
        if key in content:
            return content[key]
    raise pickle.UnpicklingError(f"no field {name!r}")


class _PickledType:
    """Stands in for a numpy dtype; only its name is kept."""

    def __init__(self, name: str, *_: object) -> None:
        self.name = name

    def __setstate__(self, state: object) -> None:
        pass


class _PickledArray:
    """Stands in for a numpy array; keeps the shape, the type and the raw bytes."""

    def __init__(self, *_: object) -> None:
        self.state: tuple[object, ...] = ()

    def __setstate__(self, state: tuple[object, ...]) -> None:
        self.state = state

    def array(self) -> np.ndarray:
        _, shape, kind, fortran_order, content = self.state
        if not isinstance(kind, _PickledType) or kind.name != "u1":
            raise pickle.UnpicklingError("an array of another type than uint8")
        # Python 2 wrote bytes as a string, which arrives decoded.
        raw = content.encode("latin1") if isinstance(content, str) else content
        order = "F" if fortran_order else "C"
        return np.frombuffer(raw, np.uint8).reshape(shape, order=order)  # type: ignore[call-overload, no-any-return]


def _encode(text: str, encoding: str) -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"bytes in encoding {encoding!r}")
    return text.encode("latin1")


class _BatchUnpickler(pickle.Unpickler):
    """Resolves the names that a pickled uint8 array consists of, and no others."""

    KNOWN: ClassVar[dict[tuple[str, str], object]] = {
        ("numpy.core.multiarray", "_reconstruct"): _PickledArray,
        ("numpy._core.multiarray", "_reconstruct"): _PickledArray,
        ("numpy", "ndarray"): _PickledArray,
        ("numpy", "dtype"): _PickledType,
        ("_codecs", "encode"): _encode,
    }

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in self.KNOWN:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is refused")
        return self.KNOWN[module, name]

    def persistent_load(self, pid: object) -> object:
        raise pickle.UnpicklingError(f"it asks for external object {pid!r}, which is refused")
