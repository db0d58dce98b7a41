"""Triangular factors of the replicates of a comparison, for layers whose moments lack digits.

Each reads the activations once more: the factor of permuted examples is no function of anything
that is kept, and those of all groups would be as many large matrices in memory.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from repsim.moments import Factor, within_classes
from repsim.stages.activations import class_labels, stored_activations
from repsim.stages.comparison import ComparisonSpec
from repsim.store import Store

__all__ = ["FactorReplicates"]

Blocks = Iterator[tuple[np.ndarray, np.ndarray]]


class FactorReplicates:
    """The factors of replicates by number, in the order of `ReplicateOrder`."""

    def __init__(self, store: Store, spec: ComparisonSpec) -> None:
        self._spec = spec
        self._x, self._y = (stored_activations(store, layer) for layer in spec.layers)
        self._step = min(self._x.examples_per_shard, self._y.examples_per_shard)

    def of(self, number: int) -> Factor:
        """The factor of a replicate other than the first."""
        order = self._spec.order
        if number not in order.nulls:
            return self._factor(self._groups(self._spec.groups_of(number)))
        permutation = number - order.nulls.start
        if permutation < order.permutations:
            return self._factor(self._rotated(permutation))
        return self._factor(self._within(permutation - order.permutations))

    def _factor(self, blocks: Blocks) -> Factor:
        factor = Factor.zeros(self._x.shape[2], self._y.shape[2])
        for x, y in blocks:
            factor = factor.update(x, y)
        return factor

    def _groups(self, groups: Iterable[int]) -> Blocks:
        borders = self._spec.group_borders
        for group in groups:
            start, stop = borders[group], borders[group + 1]
            yield from self._pairs(start, start, stop - start)

    def _pairs(self, of_x: int, of_y: int, count: int) -> Blocks:
        """So many examples of X and Y from these on, some at a time."""
        both = (
            layer.blocks(first, first + count, self._step)
            for layer, first in ((self._x, of_x), (self._y, of_y))
        )
        return zip(*both, strict=True)

    def _rotated(self, permutation: int) -> Blocks:
        """As `TileSums` does it: within the range of each task."""
        for start, stop in self._spec.example_ranges:
            shift = 1 + permutation
            yield from self._pairs(start + shift, start, stop - start - shift)
            yield from self._pairs(start, stop - shift, shift)

    def _within(self, permutation: int) -> Blocks:
        """As `TileSums` does it: among the examples of a shard."""
        labels, positions = class_labels(self._x), self._x.shape[1]
        for start, stop in self._spec.example_ranges:
            first = start
            for x, y in self._pairs(start, start, stop - start):
                last = first + len(x) // positions
                met = within_classes(labels[first:last], permutation, first - start)
                yield x, y[(met[:, None] * positions + np.arange(positions)).ravel()]
                first = last
