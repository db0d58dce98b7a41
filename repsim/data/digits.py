"""Handwritten digits that come with scikit-learn: 1797 images of 8×8 pixels, no download.

A third is held out as test split (about 600 examples), stratified by class.

Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998.
"""

from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch.nn import functional

from repsim.data.arrays import from_arrays
from repsim.data.source import DataSource
from repsim.options import StrictOptions

__all__ = ["Options", "load"]


class Options(StrictOptions):
    """Options of the dataset "digits"."""

    size: Literal[8, 16, 32] = Field(default=16, description="side in pixels after bilinear resize")


def load(options: Options) -> DataSource:
    """Load the digits; ids such as "digits/17" keep the row of the original table."""
    from sklearn.datasets import load_digits

    table = load_digits()
    labels = np.asarray(table.target, dtype=np.int64)
    images = _resized(np.asarray(table.images, dtype=np.float64), options.size)
    test = _test_rows(labels)
    train = np.setdiff1d(np.arange(len(labels)), test)
    return from_arrays(
        name="digits",
        train=(images[train], labels[train]),
        test=(images[test], labels[test]),
        train_ids=[f"digits/{row}" for row in train],
        test_ids=[f"digits/{row}" for row in test],
        classes=10,
        # The digits fill their frame: one pixel in sixteen is as far as they can move.
        padding=options.size // 16,
    )


def _resized(images: np.ndarray, size: int) -> np.ndarray:
    """Bytes (n, 1, size, size) of images (n, 8, 8) with levels 0 to 16.

    Levels are integers and the weights are multiples of 1/64, so float64 is exact, and the bytes
    (hence the fingerprint) are the same on every machine.
    """
    levels = torch.from_numpy(images).unsqueeze(1)
    levels = functional.interpolate(levels, size=(size, size), mode="bilinear")
    return torch.floor(levels * (255 / 16) + 0.5).to(torch.uint8).numpy()


def _test_rows(labels: np.ndarray) -> np.ndarray:
    """A third of the rows of every class, the same for ever: the split is not an option."""
    draw = np.random.Generator(np.random.Philox(key=0))
    chosen = []
    for digit in range(10):
        rows = np.flatnonzero(labels == digit)
        chosen.append(draw.permutation(rows)[: round(len(rows) / 3)])
    return np.sort(np.concatenate(chosen))
