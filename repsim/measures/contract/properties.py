"""What a measure declares of itself, so that tables can be read and tests can check it."""

from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["ROTATIONS", "Invariance", "Layer", "Properties"]

Invariance = Literal[
    "neuron permutation",
    "neuron scaling",
    "isotropic scaling",
    "orthogonal",
    "invertible linear",
    "translation",
]
"""Changes of a layer: its neurons in another order, each by a factor of its own, all by one factor,
by an orthogonal matrix, by an invertible matrix, and a constant added to each neuron."""

Layer = Literal["x", "y"]

ROTATIONS = frozenset[Invariance]({"orthogonal", "isotropic scaling", "translation"})
"""The changes that leave all distances between samples as they are, up to one factor."""

IMPLIED: dict[Invariance, tuple[Invariance, ...]] = {
    "neuron permutation": ("orthogonal", "invertible linear"),
    "neuron scaling": ("invertible linear",),
    "isotropic scaling": ("neuron scaling", "invertible linear"),
    "orthogonal": ("invertible linear",),
    "invertible linear": (),
    "translation": (),
}


@dataclass(frozen=True, kw_only=True)
class Properties:
    """Declared properties of a measure with its options; the tests check each both ways.

    Parameters
    ----------
    invariances : frozenset of str
        Changes of either layer that do not change the value. The weaker ones need not be listed:
        an orthogonal matrix may be a permutation, an invertible one any of them but a translation.
    symmetric : bool
        Whether the value stays the same when X and Y change places.
    least, most : float
        Bounds of the value; infinite where there are none.
    best : float
        Value of a layer with itself: `most` for a similarity, `least` for a distance.
    further_x, further_y : frozenset of str
        Changes of X alone, or of Y alone, beyond those, that do not change the value.

    Examples
    --------
    >>> cka = Properties(invariances=ROTATIONS)
    >>> cka.invariant_to("neuron permutation", "x"), cka.invariant_to("neuron scaling", "x")
    (True, False)
    """

    invariances: frozenset[Invariance]
    symmetric: bool = True
    least: float = 0.0
    most: float = 1.0
    best: float = 1.0
    further_x: frozenset[Invariance] = frozenset()
    further_y: frozenset[Invariance] = frozenset()

    def __post_init__(self) -> None:
        unknown = (self.invariances | self.further_x | self.further_y) - set(get_args(Invariance))
        if unknown:
            raise ValueError(
                f"Expected invariances among {', '.join(get_args(Invariance))}. "
                f"Got {', '.join(sorted(unknown))}."
            )

    @property
    def larger_is_more_similar(self) -> bool:
        """False for distances."""
        return self.best > self.least

    def invariant_to(self, change: Invariance, layer: Layer) -> bool:
        """Whether such a change of one layer leaves every value as it is."""
        further = self.further_x if layer == "x" else self.further_y
        return not (self.invariances | further).isdisjoint({change, *IMPLIED[change]})
