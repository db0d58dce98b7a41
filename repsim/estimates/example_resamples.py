"""Replicates of a pair of layers as examples × examples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repsim.examples import ExamplePair
from repsim.moments import UnitOrder

__all__ = ["ExampleResamples"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ExampleResamples:
    """The counterpart of `Resamples` for examples × examples: replicates are changes of indices.

    Parameters
    ----------
    total : ExamplePair
        Of the examples of the units, in the order drawn.
    order : UnitOrder
        Of units of these examples: their numbers rise.
    """

    total: ExamplePair
    order: UnitOrder

    def without(self, group: int) -> ExamplePair:
        """All groups but one: a replicate of the jackknife."""
        return self.total.without(self.order.group_rows[group])

    def drawn(self, groups: Sequence[int]) -> ExamplePair:
        """These groups, each once."""
        rows = self.order.group_rows
        return self.total.subset(np.concatenate([rows[group] for group in groups]))

    def null(self, number: int) -> ExamplePair:
        """All examples, those of Y permuted."""
        return self.total.permuted(self.order.permuted_rows(number))

    def null_within(self, number: int) -> ExamplePair:
        """The same, permuted within their classes."""
        return self.total.permuted(self.order.within_rows(number))
