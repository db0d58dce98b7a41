"""CIFAR-10: 50 000 training images, and its 10 000 test images.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. Augmentation
and test split as in Wang et al. 2018 (crop 32 with padding 4, horizontal flip; all test images).
"""

from pathlib import Path

import numpy as np
from pydantic import Field

from repsim.data.arrays import from_arrays
from repsim.data.cifar_files import TEST_FILES, TRAIN_FILES, read_batch
from repsim.data.source import DataSource
from repsim.errors import StudyError
from repsim.options import StrictOptions

__all__ = ["Options", "load"]

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
        _download(root)
    folder = root / FOLDER
    missing = [name for name in (*TRAIN_FILES, *TEST_FILES) if not (folder / name).is_file()]
    if missing:
        raise StudyError(
            f"Expected the CIFAR-10 files in {folder}. Got none named {', '.join(missing)}. "
            "Set the option download = true to fetch them, or root to the folder that holds "
            f"{FOLDER}."
        )
    train = _read(folder, TRAIN_FILES)
    test = _read(folder, TEST_FILES)
    return from_arrays(
        name="cifar10",
        train=train,
        test=test,
        train_ids=[f"train/{row}" for row in range(len(train[1]))],
        test_ids=[f"test/{row}" for row in range(len(test[1]))],
        classes=10,
        mean=MEAN,
        std=STD,
        padding=4,
        flip=True,
    )


def _read(folder: Path, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    images, labels = zip(*(read_batch(folder / name) for name in names), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _download(root: Path) -> None:
    from torchvision.datasets import CIFAR10

    try:
        # Does nothing where the official files are in place; checks the md5 of what it fetches.
        CIFAR10(str(root), download=True)
    except (OSError, RuntimeError) as error:
        raise StudyError(
            f"Expected to fetch CIFAR-10 into {root}. Got {type(error).__name__}: {error}. "
            f"Fetch it on a machine with internet access, copy {FOLDER} into {root}, and set "
            "download = false."
        ) from error
