"""CIFAR-10: 50 000 training images, and its 10 000 test images.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. Augmentation
and test split as in Wang et al. 2018 (crop 32 with padding 4, horizontal flip; all test images).
"""

from pathlib import Path

import numpy as np
from pydantic import Field

from repsim.data.arrays import from_arrays
from repsim.data.cifar_files import ADDRESS, TEST_FILES, TRAIN_FILES, read_batch
from repsim.data.published_files import fetch, missing_files
from repsim.data.source import DataSource
from repsim.options import StrictOptions

__all__ = ["Options", "load"]

TITLE = "CIFAR-10"
FOLDER = "cifar-10-batches-py"

# Per channel, over all pixels of the 50 000 training images.
MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2470, 0.2435, 0.2616)


class Options(StrictOptions):
    """Options of the dataset "cifar10"."""

    root: str = Field(default="data", description=f"folder that holds {FOLDER}")
    download: bool = Field(default=False, description="fetch and verify the files if missing")


def load(options: Options) -> DataSource:
    """Read the six batch files; ids such as "test/17" keep file order.

    Raises
    ------
    StudyError
        Files are missing and `download` is false, or the download fails.
    InputError
        A file is not a CIFAR-10 batch.
    """
    root = Path(options.root).expanduser()
    if options.download:
        fetch("CIFAR10", root, title=TITLE, folder=FOLDER)
    folder = root / FOLDER
    missing = [name for name in (*TRAIN_FILES, *TEST_FILES) if not (folder / name).is_file()]
    if missing:
        raise missing_files(missing, str(folder), title=TITLE, folder=FOLDER, address=ADDRESS)
    train = _read(folder, TRAIN_FILES)
    test = _read(folder, TEST_FILES)
    return from_arrays(
        name="cifar10",
        train=train,
        test=test,
        classes=10,
        mean=MEAN,
        std=STD,
        padding=4,
        flip=True,
    )


def _read(folder: Path, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    images, labels = zip(*(read_batch(folder / name) for name in names), strict=True)
    return np.concatenate(images), np.concatenate(labels)
