"""Which replicates of a comparison there are, and in which order their values stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from repsim.uncertainty import LEAST_FOR_QUARTERS, part_of

__all__ = ["ReplicateOrder"]

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class ReplicateOrder:
    """Replicate 0 is the comparison as it is; then come those of the nulls and of the interval.

    Parameters
    ----------
    permutations, within
        Of Y's examples, all of them and within their classes.
    groups
        Groups of examples, each of which is left out once; each half of them alone, and each
        quarter alone if there are enough, come last.
    draws
        Samples of groups for a bootstrap, instead.
    """

    permutations: int = 0
    within: int = 0
    groups: int = 0
    draws: int = 0

    @property
    def count(self) -> int:
        """How many there are."""
        parts = 2 + 4 * (self.groups >= LEAST_FOR_QUARTERS) if self.groups else 0
        return 1 + self.permutations + self.within + self.groups + self.draws + parts

    @property
    def nulls(self) -> range:
        """Places of the permutations, those within classes last."""
        return range(1, 1 + self.permutations + self.within)

    @property
    def without(self) -> range:
        """Places of those without a group."""
        return range(self.nulls.stop, self.nulls.stop + self.groups)

    @property
    def drawn(self) -> range:
        """Places of the bootstrap."""
        return range(self.without.stop, self.without.stop + self.draws)

    @property
    def halves(self) -> range:
        """Places of both halves."""
        return range(self.drawn.stop, self.drawn.stop + (2 if self.groups else 0))

    @property
    def quarters(self) -> range:
        """Places of the quarters."""
        return range(self.halves.stop, self.count)

    def groups_of(self, number: int) -> Sequence[int]:
        """The groups of examples in a replicate without a group, a half or a quarter."""
        if number in self.without:
            left_out = number - self.without.start
            return [group for group in range(self.groups) if group != left_out]
        of = self.halves if number in self.halves else self.quarters
        return part_of(self.groups, number - of.start, len(of))

    def parted(self, values: Sequence[Value]) -> dict[str, Any]:
        """The values of all replicates but the first, by what they are for."""
        within = 1 + self.permutations
        return {
            "null": list(values[1:within]),
            "within": list(values[within : self.nulls.stop]),
            "without": list(values[self.without.start : self.without.stop]),
            "drawn": list(values[self.drawn.start : self.drawn.stop]),
            "halves": list(values[self.halves.start : self.halves.stop]),
            "quarters": list(values[self.quarters.start : self.quarters.stop]),
        }
