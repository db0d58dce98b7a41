"""CIFAR-100: 50 000 training images of 100 classes in 20 groups, and its 10 000 test images.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. Augmentation
as for CIFAR-10 (crop 32 with padding 4, horizontal flip).
"""

from pathlib import Path
from typing import Literal

from pydantic import Field

from repsim.data.arrays import from_arrays
from repsim.data.cifar_files import ADDRESS, read_batch, read_binary
from repsim.data.published_files import fetch, missing_files
from repsim.data.source import DataSource
from repsim.options import StrictOptions

__all__ = ["Options", "load"]

TITLE = "CIFAR-100"
PICKLED = "cifar-100-python"
BINARY = "cifar-100-binary"

# In the order of the two label bytes of the binary version.
CLASSES = {"coarse": 20, "fine": 100}

# Per channel, over all pixels of the 50 000 training images.
MEAN = (0.5071, 0.4865, 0.4409)
STD = (0.2673, 0.2564, 0.2762)


class Options(StrictOptions):
    """Options of the dataset "cifar100"."""

    root: str = Field(default="data", description=f"folder that holds {PICKLED} or {BINARY}")
    labels: Literal["fine", "coarse"] = Field(
        default="fine", description="the 100 classes, or their 20 groups"
    )
    download: bool = Field(default=False, description="fetch and verify the files if missing")


def load(options: Options) -> DataSource:
    """Read the two files of either version; ids such as "test/17" keep file order.

    Raises
    ------
    StudyError
        Files are missing and `download` is false, or the download fails.
    InputError
        A file is not one of CIFAR-100.
    """
    root = Path(options.root).expanduser()
    if options.download:
        fetch("CIFAR100", root, title=TITLE, folder=PICKLED)
    binary = (root / BINARY).is_dir() and not (root / PICKLED).is_dir()
    folder = root / (BINARY if binary else PICKLED)
    paths = [folder / (f"{part}.bin" if binary else part) for part in ("train", "test")]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise missing_files(
            missing, str(folder), title=TITLE, folder=f"{PICKLED} or {BINARY}", address=ADDRESS
        )
    if binary:
        columns = len(CLASSES)
        column = list(CLASSES).index(options.labels)
        train, test = (read_binary(path, columns=columns, column=column) for path in paths)
    else:
        train, test = (read_batch(path, labels=f"{options.labels}_labels") for path in paths)
    return from_arrays(
        name="cifar100",
        train=train,
        test=test,
        classes=CLASSES[options.labels],
        mean=MEAN,
        std=STD,
        padding=4,
        flip=True,
    )
