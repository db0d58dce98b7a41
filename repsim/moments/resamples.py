"""The moments of a pair, again without a group of units, and again with units permuted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from repsim.errors import InputError
from repsim.moments.permuted import Permuted, permutation, within_classes
from repsim.moments.samples import BLOCK_ELEMENTS, ArrayLike, check_finite, extended, paired
from repsim.moments.second import Moments
from repsim.moments.units import Units
from repsim.origin import Origin

__all__ = ["Resamples", "UnitOrder"]


@dataclass(frozen=True, kw_only=True, eq=False)
class UnitOrder:
    """Units in a random order, cut into groups, and their permutations.

    Arrays may be sorted by class, and a group would then hold one class only. So the order is drawn
    at random.

    Parameters
    ----------
    units : Units
        Which samples belong together.
    order : int array (u,)
        The units as drawn.
    groups : int
        Number of groups, of sizes that differ by one unit at most.
    labels : array (u,) or None
        The class of each unit, by its number.
    seed : int
        Of the permutations.
    """

    units: Units
    order: np.ndarray
    groups: int
    labels: np.ndarray | None
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.groups <= len(self.order):
            raise InputError(
                f"Expected between 1 group and as many as units. Got {self.groups} groups of "
                f"{len(self.order)} units (examples, or samples that belong together). Take more "
                "of them, or fewer groups."
            )

    @classmethod
    def drawn(
        cls, units: Units, *, groups: int, seed: int, labels: np.ndarray | None = None
    ) -> "UnitOrder":
        """Draw the order."""
        order = np.random.default_rng(seed).permutation(units.count)
        return cls(units=units, order=order, groups=groups, labels=labels, seed=seed)

    def first(self, samples: int) -> "tuple[np.ndarray, UnitOrder]":
        """The first units, with at most this many samples: their samples, and their order.

        The order that is returned numbers samples by their place in the first array.
        """
        ends = np.cumsum(self.units.lengths[self.order])
        count = max(1, int(np.searchsorted(ends, samples, side="right")))
        chosen = self.order[:count]
        units = Units(rows=np.arange(ends[count - 1]), ends=ends[:count])
        labels = None if self.labels is None else self.labels[chosen]
        order = replace(self, units=units, order=np.arange(count), labels=labels)
        return self.units.rows_of(chosen), order

    @property
    def group_rows(self) -> list[np.ndarray]:
        """The samples of each group."""
        return [self.units.rows_of(group) for group in np.array_split(self.order, self.groups)]

    @property
    def rows(self) -> np.ndarray:
        """All samples, unit by unit in the order drawn."""
        return self.units.rows_of(self.order)

    def permuted_rows(self, number: int) -> np.ndarray:
        """Samples of Y that meet those of X: units in another random order."""
        count = len(self.order)
        if count < 2:
            raise InputError(f"Expected at least two units to permute. Got {count}.")
        return self.units.rows_of(self.order[permutation(count, number, self.seed)])

    def within_rows(self, number: int) -> np.ndarray:
        """The same, with units permuted among those of their class."""
        assert self.labels is not None  # The caller asks only where there are labels.
        met = within_classes(self.labels[self.order], number, self.seed)
        return self.units.rows_of(self.order[met])


@dataclass(frozen=True, kw_only=True, eq=False)
class Resamples:
    """What an interval and a null need of a pair, from the arrays in memory.

    Parameters
    ----------
    groups : tuple of Moments
        Of disjoint groups of whole units, together all of them.
    permuted, within : tuple of Permuted
        The null: what differs where Y's units stand in another order, and where they do so among
        those of their class.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(60, 3)), rng.normal(size=(60, 2))
    >>> order = UnitOrder.drawn(Units.of_length(60, 1), groups=6, seed=0)
    >>> resamples = Resamples.from_arrays(x, y, order, permutations=9)
    >>> resamples.total.count, resamples.without(0).count, resamples.drawn([0, 0, 1]).count
    (60, 50, 30)
    >>> bool(np.allclose(resamples.null(0).sum_y, resamples.total.sum_y))
    True
    """

    groups: tuple[Moments, ...]
    permuted: tuple[Permuted, ...]
    within: tuple[Permuted, ...]

    @classmethod
    def from_arrays(
        cls, x: ArrayLike, y: ArrayLike, order: UnitOrder, *, permutations: int
    ) -> "Resamples":
        """Of X (d × p) and Y (d × q), in memory, block by block in float64.

        Parameters
        ----------
        x, y
            numpy or torch, of any real type, never copied whole.
        order
            Of the units of the samples; with labels, there is a null within classes.
        permutations
            For each null.

        Raises
        ------
        InputError
            When shapes disagree, units are too few or a number is not finite.
        """
        first, second = paired(x, y)
        _check_all(first, second)
        layers = _Layer(first), _Layer(second)
        groups = [_moments(*layers, rows) for rows in order.group_rows]
        rows = order.rows

        def permuted(other_rows: np.ndarray) -> Permuted:
            return Permuted.from_product(_product(*layers, rows, other_rows))

        numbers = range(permutations)
        within = numbers if order.labels is not None else ()
        return cls(
            groups=tuple(groups),
            permuted=tuple(permuted(order.permuted_rows(number)) for number in numbers),
            within=tuple(permuted(order.within_rows(number)) for number in within),
        )

    @cached_property
    def total(self) -> Moments:
        """Moments of all samples."""
        return self.drawn(range(len(self.groups)))

    def without(self, group: int) -> Moments:
        """Moments of the samples of all groups but one: a replicate of the jackknife."""
        return self.total - self.groups[group]

    def drawn(self, groups: Sequence[int]) -> Moments:
        """Moments of these groups, each as often as it is named: a replicate of the bootstrap."""
        first, *others = (self.groups[group] for group in groups)
        return sum(others, start=first)

    def null(self, number: int) -> Moments:
        """Moments of all samples with Y's units permuted."""
        return self.permuted[number].applied_to(self.total)

    def null_within(self, number: int) -> Moments:
        """Moments of all samples with Y's units permuted within their classes."""
        return self.within[number].applied_to(self.total)


class _Layer:
    """A layer in memory, some of whose samples are widened at a time."""

    def __init__(self, samples: np.ndarray) -> None:
        self._samples = samples
        self.origin = Origin.of(samples)
        self.width: int = samples.shape[1] + 2
        self._room = np.empty((0, self.width))

    def extended(self, rows: np.ndarray) -> np.ndarray:
        """The samples of these rows with their norms, about the origin; valid until the next."""
        if len(self._room) < len(rows):
            self._room = np.empty((len(rows), self.width))
        return extended(self._samples[rows], self._room[: len(rows)], self.origin)


def _step(x: _Layer, y: _Layer) -> int:
    return max(1, BLOCK_ELEMENTS // max(x.width, y.width))


def _moments(x: _Layer, y: _Layer, rows: np.ndarray) -> Moments:
    xx, xy, yy = (np.zeros((a.width, b.width)) for a, b in ((x, x), (x, y), (y, y)))
    for start in range(0, len(rows), _step(x, y)):
        some = rows[start : start + _step(x, y)]
        of_x, of_y = x.extended(some), y.extended(some)
        xx += of_x.T @ of_x
        xy += of_x.T @ of_y
        yy += of_y.T @ of_y
    return Moments.from_products(xx, xy, yy, origin_x=x.origin, origin_y=y.origin)


def _product(x: _Layer, y: _Layer, rows_x: np.ndarray, rows_y: np.ndarray) -> np.ndarray:
    product = np.zeros((x.width, y.width))
    for start in range(0, len(rows_x), _step(x, y)):
        some = slice(start, start + _step(x, y))
        product += x.extended(rows_x[some]).T @ y.extended(rows_y[some])
    return product


def _check_all(x: np.ndarray, y: np.ndarray) -> None:
    """Name the first number that is not finite by its place in the arrays that were given."""
    for name, layer in (("X", x), ("Y", y)):
        origin, rows = Origin.of(layer), max(1, BLOCK_ELEMENTS // layer.shape[1])
        for start in range(0, len(layer), rows):
            block = layer[start : start + rows]
            room = np.empty((len(block), layer.shape[1] + 2))
            with np.errstate(over="ignore", invalid="ignore"):
                norms = extended(block, room, origin)[:, -2]
                bad = not np.isfinite(norms @ norms)
            if bad:
                check_finite(block, name, start)
