"""Replicates of a pair of layers as triangular factors."""

from collections.abc import Sequence

import numpy as np

from repsim.moments import Factor, UnitOrder
from repsim.moments.samples import BLOCK_ELEMENTS

__all__ = ["FactorResamples"]


class FactorResamples:
    """The counterpart of `Resamples` with twice the digits: each null is one more pass.

    Parameters
    ----------
    x, y
        Samples × neurons.
    order
        Of the units of the samples.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, order: UnitOrder) -> None:
        self._x, self._y, self._order = x, y, order
        self.groups = [self._factor(rows, rows) for rows in order.group_rows]
        self.total = self.drawn(range(len(self.groups)))

    def without(self, group: int) -> Factor:
        """Of the samples of all groups but one."""
        return self.drawn([other for other in range(len(self.groups)) if other != group])

    def drawn(self, groups: Sequence[int]) -> Factor:
        """Of these groups, each as often as it is named."""
        first, *others = (self.groups[group] for group in groups)
        return sum(others, start=first)

    def null(self, number: int) -> Factor:
        """Of all samples with Y's units permuted."""
        return self._factor(self._order.rows, self._order.permuted_rows(number))

    def null_within(self, number: int) -> Factor:
        """Of all samples with Y's units permuted within their classes."""
        return self._factor(self._order.rows, self._order.within_rows(number))

    def _factor(self, of_x: np.ndarray, of_y: np.ndarray) -> Factor:
        widths = self._x.shape[1], self._y.shape[1]
        step = max(1, BLOCK_ELEMENTS // sum(widths))
        factor = Factor.zeros(*widths)
        for start in range(0, len(of_x), step):
            some = slice(start, start + step)
            factor = factor.update(self._x[of_x[some]], self._y[of_y[some]])
        return factor
