"""MNIST: 60 000 handwritten digits to train on, and 10 000 test images, of 28×28 pixels.

Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-Based Learning Applied to Document
Recognition", 1998. There is no augmentation, as in most work on MNIST.
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from pydantic import Field

from repsim.data.arrays import from_arrays
from repsim.data.published_files import fetch, missing_files
from repsim.data.source import DataSource
from repsim.errors import InputError
from repsim.options import StrictOptions

__all__ = ["Options", "load"]

TITLE = "MNIST"
FOLDER = "MNIST/raw"
ADDRESS = "https://ossci-datasets.s3.amazonaws.com/mnist/"

FILES = {"train": "train", "test": "t10k"}
SIDE = 28

# Of all pixels of the 60 000 training images.
MEAN = (0.1307,)
STD = (0.3081,)

# What the header of an idx file says of its numbers: unsigned bytes.
BYTES = 8


class Options(StrictOptions):
    """Options of the dataset "mnist"."""

    root: str = Field(
        default="data", description=f"folder that holds the four idx files, or {FOLDER}"
    )
    download: bool = Field(default=False, description="fetch and verify the files if missing")


def load(options: Options) -> DataSource:
    """Read the four files, plain or compressed; ids such as "test/17" keep file order.

    Raises
    ------
    StudyError
        Files are missing and `download` is false, or the download fails.
    InputError
        A file is not an idx file of MNIST.
    """
    root = Path(options.root).expanduser()
    if options.download:
        fetch("MNIST", root, title=TITLE, folder=FOLDER)
    images = {part: f"{name}-images-idx3-ubyte" for part, name in FILES.items()}
    labels = {part: f"{name}-labels-idx1-ubyte" for part, name in FILES.items()}
    names = [*images.values(), *labels.values()]
    places = {name: place for name in names if (place := _place(root, name)) is not None}
    missing = [name for name in names if name not in places]
    if missing:
        raise missing_files(
            missing,
            f"{root} or {root / FOLDER}, plain or as .gz",
            title=TITLE,
            folder="them",
            address=ADDRESS,
        )
    train, test = (
        (_images(places[images[part]]), _read(places[labels[part]], dimensions=1)) for part in FILES
    )
    return from_arrays(name="mnist", train=train, test=test, classes=10, mean=MEAN, std=STD)


def _place(root: Path, name: str) -> Path | None:
    paths = [folder / file for folder in (root, root / FOLDER) for file in (name, f"{name}.gz")]
    return next((path for path in paths if path.is_file()), None)


def _images(path: Path) -> np.ndarray:
    images = _read(path, dimensions=3)
    if images.shape[1:] != (SIDE, SIDE):
        raise InputError(
            f"Expected images of {SIDE}×{SIDE} pixels in {path}. Got the shape {images.shape}."
        )
    return images[:, None]


def _read(path: Path, *, dimensions: int) -> np.ndarray:
    """The bytes of an idx file in their shape: big-endian sizes, then the numbers, row by row."""
    magic, header = bytes([0, 0, BYTES, dimensions]), 4 + 4 * dimensions
    shape: tuple[int, ...] = ()
    content = b""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            start = file.read(header)
            complete = start.startswith(magic) and len(start) == header
            if complete:
                shape = tuple(int(size) for size in np.frombuffer(start[4:], ">u4"))
                content = file.read(math.prod(shape) + 1)
    # Of a damaged archive, and of a shape that no machine has memory for.
    except (OSError, EOFError, zlib.error, MemoryError, OverflowError) as error:
        raise _damaged(path, dimensions, f"{type(error).__name__}: {error}") from error
    if not complete:
        raise _damaged(path, dimensions, f"the first bytes {start.hex(' ') or 'of an empty file'}")
    if len(content) != math.prod(shape):
        raise _damaged(path, dimensions, f"another number of bytes than its shape {shape} needs")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _damaged(path: Path, dimensions: int, got: str) -> InputError:
    return InputError(
        f"Expected an idx file of bytes with {dimensions} dimension(s) in {path}. Got {got}. "
        "Fetch the file again."
    )
