"""What a measure says of itself, so that tables can be read and tests can hold it to its word."""

from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["Invariance", "Layer", "Properties"]

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
    symmetric : bool
        Whether the value stays when X and Y are exchanged.
    least, most : float
        Bounds of the value; infinite where there are none.
    best : float
        Value of a layer with itself.
    larger_is_more_similar : bool
        False for distances.
    invariances : frozenset of str
        Changes of either layer that do not change the value. The weaker ones need not be listed:
        an orthogonal matrix may be a permutation, an invertible one any of them but a translation.
    further_x, further_y : frozenset of str
        Changes of X alone, or of Y alone, beyond those, that do not change the value.

    Examples
    --------
    >>> rotations = frozenset[Invariance]({"orthogonal", "isotropic scaling", "translation"})
    >>> cka = Properties(
    ...     symmetric=True, least=0, most=1, best=1, larger_is_more_similar=True,
    ...     invariances=rotations,
    ... )
    >>> cka.invariant_to("neuron permutation", "x"), cka.invariant_to("neuron scaling", "x")
    (True, False)
    """

    symmetric: bool
    least: float
    most: float
    best: float
    larger_is_more_similar: bool
    invariances: frozenset[Invariance]
    further_x: frozenset[Invariance] = frozenset()
    further_y: frozenset[Invariance] = frozenset()

    def __post_init__(self) -> None:
        unknown = (self.invariances | self.further_x | self.further_y) - set(get_args(Invariance))
        if unknown:
            raise ValueError(
                f"Expected invariances among {', '.join(get_args(Invariance))}. "
                f"Got {', '.join(sorted(unknown))}."
            )

    def invariant_to(self, change: Invariance, layer: Layer) -> bool:
        """Whether such a change of one layer leaves every value as it is."""
        further = self.further_x if layer == "x" else self.further_y
        return not (self.invariances | further).isdisjoint({change, *IMPLIED[change]})
