"""Activations of a trained network, for benchmarks that depend on what the values are like."""

from functools import partial

import numpy as np
import torch

from repsim.data import load_data
from repsim.inputs import InputSpec
from repsim.model_layers import capture_blocks, layer_table_of
from repsim.models import build_model
from repsim.study import Seed, Training
from repsim.training import train

# The ReLUs after the first, second and fourth convolution: 64 neurons at 32×32 positions, 128 at
# 16×16, 256 at 8×8.
LAYERS = ("features.2", "features.6", "features.13")


def trained_layers() -> dict[str, np.ndarray]:
    """float32 (599, positions, neurons) of layers of a VGG-11 trained on the digits, at 32×32.

    One minute on two cores.
    """
    source = load_data("digits", {"size": 32})
    images = InputSpec(shape=(1, 32, 32))
    build = partial(build_model, "vgg11_bn", {}, inputs=images, outputs=10)
    cpu = torch.device("cpu")
    training = Training(epochs=5, batch_size=64, learning_rate=0.05, schedule="cosine")
    network = train(build, source, training, Seed.model_validate(0), device=cpu)
    model = build()
    model.load_state_dict(network.state)
    test = source.split("test")
    table = layer_table_of(build, images)
    captured: dict[str, list[np.ndarray]] = {name: [] for name in LAYERS}
    for _, block in capture_blocks(
        model,
        test,
        np.arange(len(test)),
        [layer for layer in table if layer.name in LAYERS],
        device=cpu,
    ):
        for name, values in block.items():
            captured[name].append(values)
    return {name: np.concatenate(blocks) for name, blocks in captured.items()}
