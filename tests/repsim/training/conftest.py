"""A problem so small that a training takes a fraction of a second."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from repsim.data import DataSource, from_arrays
from repsim.study import Seed, Training
from repsim.training import TrainedNetwork, train

CPU = torch.device("cpu")


class Folder:
    """Two checkpoints in memory, as the store keeps them on disk."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []
        self.saves = 0

    def load(self) -> list[bytes]:
        return list(self.contents)

    def save(self, content: bytes, *, epoch: int) -> None:
        self.contents = [content, *self.contents][:2]
        self.saves += 1


def _small_model() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, stride=2),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(64, 3),
    )


@pytest.fixture(scope="session")
def source() -> DataSource:
    """Three classes, 25 training examples: batches of 6 leave a single one over."""
    generator = np.random.default_rng(0)

    def split(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.arange(count) % 3
        images = generator.normal(size=(count, 1, 8, 8)) * 0.5
        images[np.arange(count), 0, 2 * labels] += 2
        return images, labels

    return from_arrays(train=split(25), test=split(12), padding=1, flip=True)


@pytest.fixture
def build_small() -> Callable[[], nn.Module]:
    """Everything that has state or draws: batch norm, in-place ReLU, dropout."""
    return _small_model


@pytest.fixture
def folder() -> Folder:
    return Folder()


@pytest.fixture
def training() -> Training:
    return Training(epochs=3, batch_size=6, learning_rate=0.05)


@pytest.fixture
def train_small(source: DataSource, training: Training) -> Callable[..., TrainedNetwork]:
    """`train` with the small model, its data, and one thread."""

    def run(**options: object) -> TrainedNetwork:
        settings = training.model_copy(update=dict(options.pop("settings", {})))  # type: ignore[call-overload]
        arguments = {
            "build": _small_model,
            "source": source,
            "training": settings,
            "seed": Seed.model_validate(3),
            "device": CPU,
            "threads": 1,
            **options,
        }
        return train(**arguments)  # type: ignore[arg-type]

    return run
