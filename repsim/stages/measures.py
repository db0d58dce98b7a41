"""Measures of examples × examples: of a comparison as it is, and of its replicates.

Permuted or left out, examples are rows and columns of two matrices: nothing is read again.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from repsim.errors import InputError
from repsim.examples import ExamplePair, Features
from repsim.graph import Cost, Node, Product, on_store
from repsim.moments import permutation, within_classes
from repsim.stages.activations import class_labels, stored_activations
from repsim.stages.comparison import ComparisonSpec
from repsim.stages.examples import StoredExamples, examples_folder
from repsim.stages.replicates import MeasureValues
from repsim.store import Artifact, Store
from repsim.study import Component

if TYPE_CHECKING:
    from repsim.stages.plan import StudyPlan

__all__ = ["EXAMPLES_OPERATIONS", "measure_examples", "nodes"]

KINDS = ("measures",)

# Of a measure of two layers, in squares of the examples: `python -m tests.benchmarks`.
EXAMPLES_OPERATIONS = 2000


def nodes(plan: "StudyPlan") -> Iterator[Node]:
    """A node for each measure of examples of each comparison."""
    for tile in plan.tiles:
        for spec in tile.comparisons:
            count = min(spec.examples, spec.x.examples)
            for measure in spec.of_examples:
                yield Node(
                    task="measure",
                    label=f"{spec.label}, {measure.name}",
                    makes=(Product(folder=spec.measure_folder(measure), label=spec.label),),
                    needs=(
                        *(examples_folder(layer, spec.examples) for layer in spec.layers),
                        *(layer.folder for layer in spec.layers),
                    ),
                    make=on_store(measure_examples, spec, measure),
                    share=tile.key,
                    memory=spec.memory,
                    cost=Cost(
                        operations=EXAMPLES_OPERATIONS * count**2 * spec.examples_order.count
                    ),
                )


def measure_examples(store: Store, spec: ComparisonSpec, measure: Component) -> None:
    """Compute a measure of examples in every replicate.

    The examples of both layers must exist. The nulls are those of the other measures, in small:
    Y's examples permuted in the same way. Replicates of the interval leave out a group each, also
    where a study draws groups: an example that is drawn twice is its own nearest neighbour.
    """
    known = spec.loaded(measure)
    features: Features = getattr(known, "features", "averaged")
    order, values = spec.examples_order, MeasureValues(known)
    folders = (examples_folder(layer, spec.examples) for layer in spec.layers)
    x, y = (StoredExamples(Artifact.at(store, folder)).layer() for folder in folders)
    labels = class_labels(stored_activations(store, spec.x)) if order.within else None
    try:
        pair = ExamplePair.from_layers(x, y, features)
    except InputError as problem:
        values.found, values.caution = [None] * order.count, str(problem)
    else:
        for number in range(order.count):
            values.add(_replicate(spec, pair, labels, number))
    values.publish(Artifact.at(store, spec.measure_folder(measure)))


def _replicate(
    spec: ComparisonSpec, pair: ExamplePair, labels: np.ndarray | None, number: int
) -> ExamplePair:
    order, examples = spec.examples_order, np.arange(pair.count)
    if number == 0:
        return pair
    if number in order.nulls:
        place = number - order.nulls.start
        if place < order.permutations:
            return pair.permuted(permutation(pair.count, place))
        assert labels is not None  # There are such replicates only where there are classes.
        return pair.permuted(within_classes(labels[: pair.count], place - order.permutations))
    groups = np.array_split(examples, spec.groups)
    return pair.subset(np.concatenate([groups[group] for group in order.groups_of(number)]))
