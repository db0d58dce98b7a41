"""Images made up on the spot, any number of any size: for tests, benchmarks and dry runs.

An image is the template of its class plus noise. It depends on (seed, split, index) only and is
made when its batch is asked for, so that a split as large as ImageNet takes no memory.
"""

import hashlib
from collections.abc import Iterator
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float32
from pydantic import Field

from repsim.data.draws import Purpose, generator
from repsim.data.source import Augmentation, DataSource, Split, check_indices
from repsim.inputs import InputSpec
from repsim.options import StrictOptions

__all__ = ["Options", "load"]

# Templates vary over quarters of the image: coarse enough to survive pooling.
TEMPLATE_SIDE = 4

SPLITS = ("train", "test")


class Options(StrictOptions):
    """Options of the dataset "synthetic"."""

    examples: int = Field(default=1000, ge=1, description="examples to train on")
    test_examples: int = Field(default=500, ge=1, description="examples of the test split")
    classes: int = Field(default=10, ge=2, description="number of classes")
    size: int = Field(default=16, ge=TEMPLATE_SIDE, description="side of the images in pixels")
    channels: int = Field(default=1, ge=1, description="channels of the images")
    noise: float = Field(default=1.0, ge=0, description="std of the noise; templates have std 1")
    seed: int = Field(default=0, ge=0, description="seed of templates and noise")


def load(options: Options) -> DataSource:
    """Describe the dataset; nothing is computed until batches are asked for."""
    return DataSource(
        name="synthetic",
        classes=options.classes,
        inputs=InputSpec(shape=(options.channels, options.size, options.size)),
        train=SyntheticSplit("train", options.examples, options),
        test=SyntheticSplit("test", options.test_examples, options),
        preprocessing=(
            f"synthetic images of seed {options.seed}, noise {options.noise}, scaled to "
            "variance 1; no augmentation"
        ),
    )


class SyntheticSplit(Split):
    """A split of made-up images; classes take turns, so that each has as many examples."""

    def __init__(self, name: str, count: int, options: Options) -> None:
        self._name = name
        self._options = options
        self.targets = np.arange(count, dtype=np.int64) % options.classes

    @cached_property
    def ids(self) -> tuple[str, ...]:  # type: ignore[override]
        """Ids of the examples, such as "test/17"."""
        return tuple(f"{self._name}/{index}" for index in range(len(self)))

    def batches(
        self,
        indices: np.ndarray,
        *,
        batch_size: int,
        augmentation: Augmentation | None,  # noqa: ARG002 - every image is as random as it gets
        device: torch.device,
        workers: int = 0,  # noqa: ARG002 - made faster than it is sent between processes
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Images and classes on `device`, in the order of `indices`; see `Split.batches`."""
        return self._batches(check_indices(indices, len(self)), batch_size, device)

    def _batches(
        self, indices: np.ndarray, batch_size: int, device: torch.device
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for start in range(0, len(indices), batch_size):
            batch = indices[start : start + batch_size]
            images = np.stack([self._image(int(index)) for index in batch])
            labels = torch.from_numpy(self.targets[batch])
            yield torch.from_numpy(images).to(device), labels.to(device)

    def _image(self, index: int) -> Float32[np.ndarray, "c h w"]:
        options = self._options
        source = generator(options.seed, Purpose.NOISE, SPLITS.index(self._name), index)
        template = self._templates[self.targets[index]]
        image = template + options.noise * source.standard_normal(template.shape, np.float32)
        return np.asarray(image / np.sqrt(1 + options.noise**2), np.float32)

    @cached_property
    def _templates(self) -> Float32[np.ndarray, "classes c h w"]:
        options = self._options
        source = generator(options.seed, Purpose.TEMPLATE)
        coarse = (options.classes, options.channels, TEMPLATE_SIDE, TEMPLATE_SIDE)
        values = source.standard_normal(coarse, np.float32)
        cell = np.arange(options.size) * TEMPLATE_SIDE // options.size
        return np.asarray(values[:, :, cell[:, None], cell[None, :]])

    def content_digest(self) -> str:
        """Sha256 (hex) of the options: they determine ids, labels and pixels."""
        words = f"{self._name} {len(self)} {self._options.model_dump_json()}"
        return hashlib.sha256(words.encode()).hexdigest()
