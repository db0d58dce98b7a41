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

    The examples of both layers must be there. Nulls and intervals are those of the other measures,
    in small: Y's examples exchanged in the same way, and as many groups of the examples.
    """
    store = Store(location)
    artifact = Artifact(store, "measures", spec.measure_key(measure))
    if artifact.exists():
        return artifact.key
    known = load_measure(measure.name, measure.options)
    features: Features = getattr(known, "features", "averaged")
    record: dict[str, object] = {"values": [None] * spec.replicates, "caution": None}
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
    groups = np.array_split(examples, max(1, spec.groups))
    for number in range(spec.replicates - 1 - spec.permutations):
        if spec.resampling.interval == "jackknife":
            yield pair.without(groups[number])
        else:
            drawn = spec.drawn_groups(number)
            yield pair.subset(np.concatenate([groups[group] for group in drawn]))
