"""Capturing layers of any size, of images that are nowhere held; by how much memory it grows.

python -m tests.repsim.stages.capturing FOLDER EXAMPLES [EXAMPLES ...]
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn

from repsim.data import Split
from repsim.inputs import InputSpec
from repsim.model_layers import capture_blocks, layer_table
from repsim.store import ActivationWriter, Artifact, Store, activations

SIDE, NEURONS = 32, 16
EXAMPLE_BYTES = 4 * SIDE * SIDE * NEURONS


class DrawnImages(Split):
    """As many images as are asked for, each drawn when it is."""

    def __init__(self, examples: int) -> None:
        self.ids = tuple(map(str, range(examples)))
        self.targets = np.zeros(examples, np.int64)

    def batches(
        self, indices: np.ndarray, *, batch_size: int, device: torch.device, **others: object
    ) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(0)
        for first in range(0, len(indices), batch_size):
            count = min(batch_size, len(indices) - first)
            images = torch.randn(count, 1, SIDE, SIDE, generator=generator)
            yield images, torch.zeros(count, dtype=torch.int64)


def capture_a_layer(store: Store, examples: int) -> None:
    """Capture a feature map of so many examples, all its positions."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, NEURONS, 3, padding=1), nn.ReLU())
    split = DrawnImages(examples)
    layer = layer_table(model, InputSpec(shape=(1, SIDE, SIDE)))[-1]
    writer = ActivationWriter(
        Artifact(store, "activations", f"{examples:064d}"),
        layer=layer.name,
        ids=split.ids,
        positions=layer.positions,
        neurons=layer.neurons,
        dtype="float32",
    )
    blocks = capture_blocks(model, split, np.arange(examples), [layer], device=torch.device("cpu"))
    for _, block in blocks:
        writer.append(block[layer.name])
    writer.publish({})


def resident_most() -> int:
    """The most bytes that were ever resident in this process."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def main(folder: str, *counts: str) -> None:
    """Capture layers of so many examples, one after the other; print what each added to memory."""
    torch.set_num_threads(1)
    # An eighth of what ships, so that little is written: what is held is as much less.
    with patch.multiple(activations, SHARD_BYTES=4 * 2**20, CHUNK_BYTES=2**19):
        for examples in map(int, counts):
            before = resident_most()
            capture_a_layer(Store(folder), examples)
            print(resident_most() - before)


if __name__ == "__main__":
    main(*sys.argv[1:])
