"""The form of every measure, whatever statistic of a pair it is a function of."""

from typing import Any, Literal, Protocol

from repsim.measures.contract.properties import Properties

__all__ = ["Measure", "Statistic"]

Statistic = Literal["moments", "examples"]


class Measure(Protocol):
    """A measure with its options."""

    @property
    def convention(self) -> str:
        """Id of the exact definition with every value, for tables."""

    @property
    def centred(self) -> bool:
        """Whether each neuron's mean is removed."""

    @property
    def statistic(self) -> Statistic:
        """What it is a function of: `Moments`, or an `ExamplePair`."""

    @property
    def properties(self) -> Properties:
        """Bounds, direction and invariances."""

    def value(self, statistic: Any, /) -> float:
        """The measure of a pair at a layer; NaN where it is not defined.

        Raises InputError where any two layers of this size would get the same value.
        """
