"""Samples that belong together, and are permuted and left out together."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from repsim.errors import InputError

__all__ = ["Units"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Units:
    """Units of d samples: the positions of an image, the frames of a clip, a stretch of a series.

    Parameters
    ----------
    rows : int array (d,)
        The samples, those of a unit in a run.
    ends : int array (u,)
        Where the run of each unit ends.

    Examples
    --------
    >>> units = Units.of_ids(np.array([7, 3, 7, 3, 3]))
    >>> units.count, units.rows_of(np.array([1, 0])).tolist()
    (2, [1, 3, 4, 0, 2])
    """

    rows: Int64[np.ndarray, " d"]
    ends: Int64[np.ndarray, " u"]

    @classmethod
    def of_length(cls, samples: int, length: int) -> "Units":
        """Units of `length` consecutive samples; the last one may be shorter."""
        if not 1 <= length <= max(samples, 1):
            raise InputError(
                f"Expected between 1 and {samples} consecutive samples in a unit. Got {length}."
            )
        ends = np.minimum(np.arange(length, samples + length, length), samples)
        return cls(rows=np.arange(samples), ends=ends.astype(np.int64))

    @classmethod
    def of_ids(cls, ids: np.ndarray) -> "Units":
        """Samples with the same id; units are numbered as they first appear."""
        _, first, number = np.unique(ids, return_index=True, return_inverse=True)
        number = np.argsort(np.argsort(first))[number]
        rows = np.argsort(number, kind="stable").astype(np.int64)
        return cls(rows=rows, ends=np.cumsum(np.bincount(number)).astype(np.int64))

    def of_positions(self, positions: int) -> "Units":
        """The same units where each sample becomes `positions` consecutive samples."""
        rows = (self.rows[:, None] * positions + np.arange(positions)).ravel()
        return Units(rows=rows, ends=self.ends * positions)

    @property
    def count(self) -> int:
        """Number of units u."""
        return len(self.ends)

    @property
    def lengths(self) -> Int64[np.ndarray, " u"]:
        """Samples in each unit."""
        return np.asarray(np.diff(self.ends, prepend=0))

    def rows_of(self, units: np.ndarray) -> Int64[np.ndarray, " k"]:
        """The samples of these units, one unit after the other."""
        lengths = self.lengths[units]
        # Each run counts up from its first place.
        jumps = self.ends[units] - np.cumsum(lengths)
        places = np.arange(int(lengths.sum())) + np.repeat(jumps, lengths)
        return np.asarray(self.rows[places])

    def values_of(self, given: np.ndarray, name: str) -> np.ndarray:
        """One value for each unit, from one for each sample, or one for each unit in order.

        Raises
        ------
        InputError
            When there are others, or the samples of a unit differ.
        """
        if given.shape == (self.count,) and given.shape != self.rows.shape:
            return given
        if given.shape != self.rows.shape:
            raise InputError(
                f"Expected {name} of shape ({self.count},), one for each unit, or "
                f"({len(self.rows)},), one for each sample. Got {given.shape}."
            )
        sorted_values = given[self.rows]
        first: np.ndarray = sorted_values[self.ends - self.lengths]
        if not np.array_equal(np.repeat(first, self.lengths), sorted_values):
            raise InputError(
                f"Expected the same {name} for all samples of a unit. Got samples that belong "
                "together and differ."
            )
        return first
