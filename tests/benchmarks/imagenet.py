"""ImageNet's sizes without its images, for `repsim plan` where the data set is not at hand:

repsim plan workflows/studies/imagenet-vgg16.toml --gpus 8 --cores 64 \\
    --set 'data={ name = "tests.benchmarks.imagenet:sizes" }'
"""

from collections.abc import Iterator

import numpy as np
import torch

from repsim.data import DataSource, Split
from repsim.data.source import Augmentation
from repsim.inputs import InputSpec

CLASSES = 1000
SHAPE = (3, 224, 224)


class SizesAlone(Split):
    """A split of so many images, all of them black."""

    decodes = True

    def __init__(self, examples: int) -> None:
        self.ids = tuple(map(str, range(examples)))
        self.targets = np.arange(examples) % CLASSES

    def batches(
        self,
        indices: np.ndarray,
        *,
        batch_size: int,
        augmentation: Augmentation | None,
        device: torch.device,
        workers: int = 0,
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for start in range(0, len(indices), batch_size):
            chosen = indices[start : start + batch_size]
            yield torch.zeros(len(chosen), *SHAPE), torch.from_numpy(self.targets[chosen])

    def content_digest(self) -> str:
        return f"{len(self)} examples"


def sizes(train: int = 1_281_167, test: int = 50_000) -> DataSource:
    """A data set that can be planned with."""
    return DataSource(
        name="imagenet",
        classes=CLASSES,
        inputs=InputSpec(shape=SHAPE),
        train=SizesAlone(train),
        test=SizesAlone(test),
        preprocessing="",
    )
