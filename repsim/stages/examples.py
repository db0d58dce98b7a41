"""Summaries of whole examples of a layer: activations → examples × examples."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from repsim.examples import Features, LayerExamples
from repsim.examples.first_component import FirstComponent, first_component
from repsim.examples.layer import MEMORY
from repsim.graph import PROCESS_BYTES, Cost, Node, Product, on_store
from repsim.stages.activations import LayerSpec
from repsim.store import Activations, Artifact, Store, artifact_key
from repsim.study import digest

if TYPE_CHECKING:
    from repsim.stages.plan import StudyPlan

__all__ = ["StoredExamples", "examples_folder", "nodes", "summarise_layer", "summary_bytes"]

KINDS = ("examples",)

# Rises when the stage would compute something else from the same parameters.
EXAMPLES_VERSION = 3

ARRAYS = "arrays.npz"
COMPONENTS = "first_components.npz"

# To read some examples takes the whole chunks that hold them, packed and unpacked.
READING = 24 * 2**20


def examples_folder(layer: LayerSpec, examples: int) -> str:
    """Where the summary of the first `examples` examples of a layer is in a store."""
    parameters = {"activations": layer.key, "examples": min(examples, layer.examples)}
    return f"examples/{artifact_key('examples', EXAMPLES_VERSION, parameters)}"


def nodes(plan: "StudyPlan") -> Iterator[Node]:
    """A node for each layer of which measures of examples, or comparisons across layers, ask."""
    asked = [(layer, x.across.examples) for x in plan.across for layer in x.layers]
    asked += [(layer, x.examples) for x in plan.comparisons if x.of_examples for layer in x.layers]
    found = {examples_folder(layer, count): (layer, count) for layer, count in asked}
    for folder, (layer, count) in found.items():
        used = min(count, layer.examples)
        yield Node(
            task="examples",
            label=layer.label,
            makes=(Product(folder=folder, label=layer.label),),
            needs=(layer.folder,),
            make=on_store(
                summarise_layer, folder, layer.key, count, layer.positions == layer.total_positions
            ),
            share=layer.key,
            memory=PROCESS_BYTES + summary_bytes(used, layer.positions, layer.neurons),
            cost=Cost(
                operations=2 * used**2 * layer.positions * layer.neurons,
                read=layer.bytes * used // max(1, layer.examples),
            ),
        )


def summarise_layer(
    store: Store, folder: str, activations_key: str, examples: int, same_positions: bool = True
) -> None:
    """Summarise the first `examples` examples of a layer, or all if there are fewer.

    Kept are their averaged features, the inner products of the flattened ones, and the first
    principal component of both. Activations are captured in a random order, so the first examples
    are a random sample. Positions that were drawn for each example cannot be flattened: then only
    averages are kept.

    Raises
    ------
    IntegrityError
        When the activations are damaged.
    """
    activations = Activations(store, activations_key)
    captured, positions, neurons = activations.shape
    count = min(examples, captured)

    def read(start: int, stop: int) -> np.ndarray:
        (block,) = activations.blocks(start, stop, stop - start)
        return block.reshape(stop - start, positions, neurons)

    whole = LayerExamples.from_reader(
        read, (count, positions, neurons), same_positions=same_positions
    )
    components: dict[str, np.ndarray] = {}
    for features in ("averaged", "flattened") if same_positions else ("averaged",):
        component = first_component(whole.features(features))
        components[f"{features} scores"] = component.scores
        components[f"{features} share, variance"] = np.array([component.share, component.variance])
    draft = Artifact.at(store, folder).draft()
    draft.write_arrays(ARRAYS, whole.arrays())
    draft.write_arrays(COMPONENTS, components)
    draft.publish({"examples": count, "ids": digest(activations.ids[:count])})


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

    artifact: Artifact

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
