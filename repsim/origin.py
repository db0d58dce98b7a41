"""The point about which the sums of a layer are taken, and their unit."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float64

__all__ = ["Origin", "coarse_caution"]

# Rows that decide. More would cost a second look at the data; the mean of so many is within a
# thirtieth of a standard deviation of that of all, if their order is random.
FIRST_ROWS = 1024

# A mean within this many standard deviations of zero needs no shift: second moments lose a factor
# of 1 + FAR² of their digits, fourth moments its square, which is less than three digits of 16.
# Without a shift, zeros stay zeros and the uncentred moments keep all their digits.
FAR = 4.0

# Spacing of numbers over deviation from which a neuron is coarse: spacing² / 12 is the variance of
# rounding.
COARSE = 0.1

# Numbers between 2^-100 and 2^100 have eighth powers in float64: no unit is needed.
EXTREME = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class Origin:
    r"""Sums are those of :math:`(x - \text{shift}) / \text{scale}`.

    A sum of squares of numbers whose mean is m standard deviations from zero has lost a factor of
    about m² of its digits when the mean is taken off at the end, and one of fourth powers m⁴. So
    what is far from zero is taken off at the beginning, before anything is multiplied.

    Parameters
    ----------
    shift : array (p,)
        Close to the mean of each neuron that is far from zero; 0 for the others.
    scale : float
        A power of two: 1, unless the numbers are so large or so small that their powers are not in
        float64. Dividing by it is exact.
    coarse : int
        Neurons so far from zero that their numbers, as they were given, are spaced by more than a
        tenth of their deviation: their rounding adds a thousandth to their variance, or more.

    Examples
    --------
    >>> rows = np.array([[1.0, 1000.0], [-1.0, 1001.0]])
    >>> origin = Origin.of(rows)
    >>> origin.shift, origin.scale
    (array([   0. , 1000.5]), 1.0)
    >>> origin.applied_to(rows, np.empty((2, 2)))
    array([[ 1. , -0.5],
           [-1. ,  0.5]])
    """

    shift: Float64[np.ndarray, " p"]
    scale: float
    coarse: int = 0

    @classmethod
    def zero(cls, width: int) -> "Origin":
        """No shift, and the unit 1."""
        return cls(shift=np.zeros(width), scale=1.0)

    @classmethod
    def of(cls, rows: np.ndarray, dtype: np.dtype[Any] | None = None) -> "Origin":
        """For a layer (d × p) that begins with these rows, of any real type.

        `dtype` is that of the numbers as they were given, if these are converted already.
        """
        first = rows[:FIRST_ROWS].astype(np.float64)
        width = first.shape[1]
        given = np.dtype(dtype if dtype is not None else rows.dtype)
        # Integers are exact, as far as float64 can tell them apart.
        spacing = float(np.finfo(given if given.kind == "f" else np.float64).eps)
        if not first.size or not np.isfinite(first).all():
            return cls.zero(width)  # Whoever sums it up names the number.
        low, high = first.min(axis=0), first.max(axis=0)
        unit = _unit(np.maximum(high, -low))
        first /= unit
        low, high = low / unit, high / unit
        mean = first.mean(axis=0)
        first -= mean
        with np.errstate(over="ignore"):
            deviation = np.sqrt(np.einsum("ij,ij->j", first, first) / len(first))
        # The mean of equal numbers may differ from them by rounding.
        far = np.where(np.abs(mean) > FAR * deviation, mean, 0.0)
        shift = np.where(low == high, low, far)
        scale = unit * _unit(np.maximum(high - shift, shift - low))
        coarse = (deviation > 0) & (spacing * np.abs(mean) > COARSE * deviation)
        return cls(shift=shift * unit, scale=scale, coarse=int(coarse.sum()))

    @property
    def moved(self) -> bool:
        """Whether any neuron has a shift."""
        return bool(self.shift.any())

    def at_zero(self) -> "Origin":
        """Without the shift, in the same unit."""
        return replace(self, shift=np.zeros_like(self.shift))

    def is_that_of(self, other: "Origin") -> bool:
        """Whether sums about both can be added as they are."""
        return self is other or (
            self.scale == other.scale and bool(np.array_equal(self.shift, other.shift))
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything as named arrays, for a store; `from_mapping` reads them back."""
        return {"shift": self.shift, "unit": np.array([self.scale, self.coarse])}

    @classmethod
    def from_mapping(cls, arrays: Mapping[str, np.ndarray]) -> "Origin":
        """From the named arrays that `arrays()` gave."""
        scale, coarse = (float(number) for number in arrays["unit"])
        return cls(shift=np.asarray(arrays["shift"]), scale=scale, coarse=int(coarse))

    def applied_to(
        self, block: np.ndarray, room: Float64[np.ndarray, "b p"]
    ) -> Float64[np.ndarray, "b p"]:
        """Write a block (b × p), shifted and scaled, in float64 into `room`, and return it."""
        room[...] = block
        if self.moved:
            room -= self.shift
        if self.scale != 1.0:
            room /= self.scale
        return room


def _unit(sizes: Float64[np.ndarray, " p"]) -> float:
    """A power of two near the size of most neurons where it is extreme, and 1 elsewhere."""
    sizes = sizes[sizes > 0]
    if not sizes.size:
        return 1.0
    _, exponent = np.frexp(np.median(sizes))
    return float(np.ldexp(1.0, int(exponent))) if abs(int(exponent)) > EXTREME else 1.0


def coarse_caution(of_x: int, of_y: int) -> str:
    """What to know of a pair of layers of which so many neurons are coarse; empty for none."""
    found = [
        f"{coarse} neuron{'s' * (coarse > 1)} of {name}"
        for name, coarse in (("X", of_x), ("Y", of_y))
        if coarse
    ]
    if not found:
        return ""
    return (
        f"{' and '.join(found)}: so far from zero that their numbers, as they were given, are "
        f"spaced by more than {COARSE:g} of their deviation. Capture them in a wider dtype, or "
        "subtract their means before they are rounded."
    )
