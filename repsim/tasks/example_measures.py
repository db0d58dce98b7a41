"""Measures of examples × examples: of a comparison as it is, and of its replicates.

Exchanged or left out, examples are rows and columns of two matrices: nothing is read again.
"""

import json
import math
from collections.abc import Iterator

import numpy as np

from repsim.errors import InputError
from repsim.examples import ExamplePair, Features
from repsim.measures import load_measure
from repsim.store import Artifact, Store
from repsim.study import Component
from repsim.tasks.examples import StoredExamples
from repsim.tasks.replicates import VALUES
from repsim.tasks.specs import ComparisonSpec

__all__ = ["measure_examples"]


def measure_examples(location: str, spec: ComparisonSpec, measure: Component) -> str:
    """A measure of examples in every replicate; returns the key of its values.

    The examples of both layers must be there. The null is that of the other measures, in small: Y's
    examples exchanged in the same way. Replicates of the interval leave out a group each, also
    where a study draws groups: an example that is drawn twice is its own nearest neighbour.
    """
    store = Store(location)
    artifact = Artifact(store, "measures", spec.measure_key(measure))
    if artifact.exists():
        return artifact.key
    known = load_measure(measure.name, measure.options)
    features: Features = getattr(known, "features", "averaged")
    count = 1 + spec.permutations + spec.groups
    record: dict[str, object] = {"values": [None] * count, "caution": None}
    try:
        x, y = (
            StoredExamples(store, side.examples_key(spec.examples)).layer() for side in spec.layers
        )
        pair = ExamplePair.from_layers(x, y, features)
        values = [known.value(replicate) for replicate in _replicates(spec, pair)]
        record["values"] = [float(v) if math.isfinite(v) else None for v in values]
    except InputError as problem:
        record["caution"] = str(problem)
    draft = artifact.draft()
    draft.write(VALUES, json.dumps(record).encode())
    draft.publish()
    return artifact.key


def _replicates(spec: ComparisonSpec, pair: ExamplePair) -> Iterator[ExamplePair]:
    """In the order of `repsim.tasks.replicates`."""
    examples = np.arange(pair.count)
    yield pair
    for number in range(spec.permutations):
        yield pair.permuted(np.roll(examples, 1 + number % max(1, pair.count - 1)))
    if spec.groups:
        for group in np.array_split(examples, spec.groups):
            yield pair.without(group)
