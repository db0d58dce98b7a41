"""Made-up networks: layers whose likeness to each other is known."""

from collections.abc import Iterator, Sequence

import numpy as np

from repsim.across import NetworkLayers, first_component
from repsim.examples import Features, LayerExamples


def random_walk(
    layers: int, *, examples: int = 80, neurons: int = 12, seed: int = 0, step: float = 0.6
) -> list[np.ndarray]:
    """Each layer is a rotation of the one before with some of it replaced."""
    generator = np.random.default_rng(seed)
    found = [generator.normal(size=(examples, neurons))]
    for _ in range(layers - 1):
        rotation = np.linalg.qr(generator.normal(size=(neurons, neurons)))[0]
        found.append(found[-1] @ rotation + step * generator.normal(size=(examples, neurons)))
    return found


def with_dominant_component(
    layers: int, inside: Sequence[int], *, examples: int = 120, neurons: int = 16, seed: int = 0
) -> Iterator[np.ndarray]:
    """Unrelated layers, but those `inside` share one direction over examples, ten times as large.

    Each writes it onto a direction of its own among its neurons.
    """
    generator = np.random.default_rng(seed)
    shared = generator.normal(size=examples)
    for place in range(layers):
        layer = generator.normal(size=(examples, neurons))
        if place in inside:
            onto = generator.normal(size=neurons)
            layer += 10 * np.sqrt(neurons) * np.outer(shared, onto / np.linalg.norm(onto))
        yield layer


def network(
    arrays: Sequence[np.ndarray],
    *,
    names: Sequence[str] | None = None,
    features: Features = "averaged",
) -> NetworkLayers:
    layers = [LayerExamples.from_array(array) for array in arrays]
    grams = tuple(layer.features(features) for layer in layers)
    return NetworkLayers(
        names=tuple(names or (f"relu{place}" for place in range(len(layers)))),
        features=features,
        grams=grams,
        components=tuple(first_component(gram) for gram in grams),
        layers=tuple(layers),
    )
