"""Measures of examples × examples: of a comparison as it is, and of its replicates.

Permuted or left out, examples are rows and columns of two matrices: nothing is read again.
"""

import json
import math

import numpy as np

from repsim.errors import InputError
from repsim.examples import ExamplePair, Features
from repsim.measures import checked_value, load_measure, value_and_caution
from repsim.moments import permutation, within_classes
from repsim.store import Artifact, Store
from repsim.study import Component
from repsim.tasks.examples import StoredExamples
from repsim.tasks.reduction import captured, class_labels
from repsim.tasks.replicates import VALUES
from repsim.tasks.specs import ComparisonSpec

__all__ = ["measure_examples"]


def measure_examples(location: str, spec: ComparisonSpec, measure: Component) -> str:
    """A measure of examples in every replicate; returns the key of its values.

    The examples of both layers must be there. The nulls are those of the other measures, in small:
    Y's examples permuted in the same way. Replicates of the interval leave out a group each, also
    where a study draws groups: an example that is drawn twice is its own nearest neighbour.
    """
    store = Store(location)
    artifact = Artifact(store, "measures", spec.measure_key(measure))
    if artifact.exists():
        return artifact.key
    known = load_measure(measure.name, measure.options)
    features: Features = getattr(known, "features", "averaged")
    order = spec.examples_order
    values: list[float | None] = [None] * order.count
    x, y = (StoredExamples(store, side.examples_key(spec.examples)).layer() for side in spec.layers)
    labels = class_labels(captured(store, spec.x)) if order.within else None
    try:
        pair = ExamplePair.from_layers(x, y, features)
        values[0], caution = value_and_caution(known, pair)
        for number in range(1, order.count):
            value = checked_value(known, _replicate(spec, pair, labels, number))
            values[number] = float(value) if math.isfinite(value) else None
    except InputError as problem:
        caution = str(problem)
    draft = artifact.draft()
    draft.write(VALUES, json.dumps({"values": values, "caution": caution or None}).encode())
    draft.publish()
    return artifact.key


def _replicate(
    spec: ComparisonSpec, pair: ExamplePair, labels: np.ndarray | None, number: int
) -> ExamplePair:
    order, examples = spec.examples_order, np.arange(pair.count)
    if number in order.nulls:
        place = number - order.nulls.start
        if place < order.permutations:
            return pair.permuted(permutation(pair.count, place))
        assert labels is not None  # There are such replicates only where there are classes.
        return pair.permuted(within_classes(labels[: pair.count], place - order.permutations))
    groups = np.array_split(examples, spec.groups)
    return pair.subset(np.concatenate([groups[group] for group in order.groups_of(number)]))
