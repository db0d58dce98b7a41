"""The moments of a pair, again without a group of examples, and again with examples exchanged."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from repsim.errors import InputError
from repsim.moments.exchanged import Exchanged
from repsim.moments.samples import BLOCK_ELEMENTS, ArrayLike, check_finite, paired
from repsim.moments.second import Moments
from repsim.moments.tile_sums import TileSums

__all__ = ["Resamples"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Resamples:
    """What an interval and a null need of a pair, from one pass over its activations.

    Parameters
    ----------
    groups : tuple of Moments
        Of disjoint groups of whole examples, together all of them.
    exchanged : tuple of Exchanged
        The null: what differs where Y's examples stand in another order.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(60, 3)), rng.normal(size=(60, 2))
    >>> resamples = Resamples.from_arrays(x, y, groups=6, permutations=9)
    >>> resamples.total.count, resamples.without(0).count, resamples.drawn([0, 0, 1]).count
    (60, 50, 30)
    >>> bool(np.allclose(resamples.null(0).sum_y, resamples.total.sum_y))
    True
    """

    groups: tuple[Moments, ...]
    exchanged: tuple[Exchanged, ...]

    @classmethod
    def from_arrays(
        cls,
        x: ArrayLike,
        y: ArrayLike,
        *,
        positions: int = 1,
        groups: int = 16,
        permutations: int = 9,
        seed: int = 0,
    ) -> "Resamples":
        """Of X (d × p) and Y (d × q), in memory, block by block in float64.

        Examples are put in a random order first: arrays may be sorted by class, and then a group,
        or an exchange with the next example, would be one within a class.

        Parameters
        ----------
        x, y
            numpy or torch, of any real type, never copied whole.
        positions
            Samples of each example, in consecutive rows: an example is never split.
        groups
            Of as equal numbers of examples as there can be.
        permutations
            Exchanges of examples for the null.
        seed
            Of the order of the examples.

        Raises
        ------
        InputError
            When shapes disagree, examples are too few or a number is not finite.
        """
        first, second = paired(x, y)
        examples = _examples(len(first), positions)
        if not 1 <= groups <= examples:
            raise InputError(
                f"Expected between 1 group and as many as examples. Got {groups} groups of "
                f"{examples} examples."
            )
        _check_all(first, second)
        tile = TileSums(
            [first.shape[1], second.shape[1]],
            [(0, 1)],
            examples=examples,
            positions=positions,
            permutations=permutations,
            names=["X", "Y"],
        )
        order = np.random.default_rng(seed).permutation(examples)
        step = max(1, BLOCK_ELEMENTS // (positions * max(first.shape[1], second.shape[1])))
        moments = []
        for group in np.array_split(order, groups):
            for start in range(0, len(group), step):
                chosen = group[start : start + step, None]
                rows = (chosen * positions + np.arange(positions)).ravel()
                tile.update([first[rows], second[rows]])
            moments += tile.cut()
        (exchanged,) = tile.finish()
        return cls(groups=tuple(moments), exchanged=tuple(exchanged))

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
        """Moments of all samples with Y's examples exchanged."""
        return self.exchanged[number].applied_to(self.total)


def _examples(samples: int, positions: int) -> int:
    if positions < 1 or samples % positions or not samples:
        raise InputError(
            f"Expected whole examples of {positions} positions each, in consecutive rows. "
            f"Got {samples} samples."
        )
    return samples // positions


def _check_all(x: np.ndarray, y: np.ndarray) -> None:
    """Name a number that is not finite by its place in what was given, not by a random one."""
    for name, layer in (("X", x), ("Y", y)):
        rows = max(1, BLOCK_ELEMENTS // layer.shape[1])
        for start in range(0, len(layer), rows):
            block = layer[start : start + rows]
            with np.errstate(over="ignore", invalid="ignore"):
                total = block.sum(dtype=np.float64)
            if not np.isfinite(total):
                check_finite(block, name, start)
