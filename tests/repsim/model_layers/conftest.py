"""Images and models for capture."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from repsim.data import Split, from_arrays

CPU = torch.device("cpu")


class Reuses(nn.Module):
    """One ReLU for three places, as the ResNets of torchvision do; it works in place."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 5, 3, padding=1)
        self.second = nn.Conv2d(5, 5, 3, padding=1, stride=2)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(5 * 9, 7))

    def forward(self, images: Tensor) -> Tensor:
        maps = self.relu(self.second(self.relu(self.first(images))))
        return self.relu(self.head(maps))  # type: ignore[no-any-return]


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return Reuses()


@pytest.fixture(scope="session")
def split() -> Split:
    """Eleven random images (2, 6, 6)."""
    images = np.random.default_rng(0).normal(size=(11, 2, 6, 6))
    labels = np.arange(11) % 3
    return from_arrays(train=(images, labels), test=(images, labels)).test


@pytest.fixture(scope="session")
def images_of(split: Split) -> Callable[[np.ndarray], Tensor]:
    def images(indices: np.ndarray) -> Tensor:
        batches = split.batches(indices, batch_size=99, augmentation=None, device=CPU)
        return next(iter(batches))[0]

    return images
