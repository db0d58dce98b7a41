"""What is kept of whole examples of a layer: activations → examples × examples.

Plain values in, a key out; looks first for its own output, so any engine can run it, at any time.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from repsim.across import FirstComponent, first_component
from repsim.examples import Features, LayerExamples
from repsim.examples.layer import MEMORY
from repsim.store import Activations, Artifact, Store
from repsim.study import digest

__all__ = ["StoredExamples", "summarise_layer", "summary_bytes"]

KIND = "examples"
ARRAYS = "arrays.npz"
COMPONENTS = "first_components.npz"

# To read some examples takes the whole chunks that hold them, packed and unpacked.
READING = 24 * 2**20


def summarise_layer(
    location: str, key: str, activations_key: str, examples: int, *, same_positions: bool = True
) -> str:
    """The first `examples` examples of a layer, or all if there are fewer; returns `key`.

    Kept are their averaged features, the inner products of the flattened ones, and the first
    principal component of both. Activations are captured in a random order, so the first examples
    are a random sample.

    Parameters
    ----------
    location, key, activations_key
        The store, what to publish (kind ``examples``), and what of.
    examples
        How many.
    same_positions
        Whether all positions were captured. Positions that were drawn for each example cannot be
        flattened: then only averages are kept.

    Raises
    ------
    IntegrityError
        When the activations are damaged.
    """
    store = Store(location)
    artifact = Artifact(store, KIND, key)
    if artifact.exists():
        return key
    activations = Activations(store, activations_key)
    captured, positions, neurons = activations.shape
    count = min(examples, captured)

    def read(start: int, stop: int) -> np.ndarray:
        (block,) = activations.blocks(start, stop, stop - start)
        return block.reshape(stop - start, positions, neurons)

    layer = LayerExamples.from_reader(
        read, (count, positions, neurons), same_positions=same_positions
    )
    components: dict[str, np.ndarray] = {}
    for features in ("averaged", "flattened") if same_positions else ("averaged",):
        component = first_component(layer.features(features))
        components[f"{features} scores"] = component.scores
        components[f"{features} share, variance"] = np.array([component.share, component.variance])
    draft = artifact.draft()
    draft.write_arrays(ARRAYS, layer.arrays())
    draft.write_arrays(COMPONENTS, components)
    draft.publish({"examples": count, "ids": digest(activations.ids[:count])})
    return key


def summary_bytes(examples: int, positions: int, neurons: int) -> int:
    """What `summarise_layer` needs beside its process, at most.

    The tile of examples in float64 and what is read for it, and then two matrices of examples ×
    examples with what one decomposition of them takes.
    """
    example = 8 * positions * neurons
    held = max(example, min(examples * example, MEMORY))
    return int(1.3 * held) + max(READING, 2 * example) + 8 * examples * (6 * examples + 2 * neurons)


@dataclass(frozen=True)
class StoredExamples:
    """The published examples of a layer."""

    store: Store
    key: str

    @property
    def artifact(self) -> Artifact:
        """The artifact that holds them."""
        return Artifact(self.store, KIND, self.key)

    @cached_property
    def _facts(self) -> dict[str, object]:
        return self.artifact.marker().facts

    @property
    def count(self) -> int:
        """Number of examples."""
        count = self._facts.get("examples")
        if not isinstance(count, int):
            raise self.artifact.damaged("no number of examples in its marker")
        return count

    @property
    def ids(self) -> str:
        """Digest of the examples' ids, in their order."""
        return str(self._facts.get("ids"))

    def layer(self) -> LayerExamples:
        """The examples."""
        arrays = self.artifact.read_arrays(ARRAYS, shapes={"positions": ()})
        with self.artifact.as_expected(ARRAYS):
            layer = LayerExamples.from_mapping(arrays)
        if layer.pooled.ndim != 2 or layer.count != self.count:
            raise self.artifact.damaged(f"features of shape {layer.pooled.shape} in {ARRAYS}")
        return layer

    def first_component(self, features: Features) -> FirstComponent:
        """Their first principal component."""
        of_all, scores = f"{features} share, variance", f"{features} scores"
        shapes = {of_all: (2,), scores: (self.count,)}
        arrays = self.artifact.read_arrays(COMPONENTS, shapes=shapes)
        share, variance = arrays[of_all].tolist()
        return FirstComponent(share=share, variance=variance, scores=arrays[scores])
