"""A pair of layers as examples × examples, again and again with other examples."""

from dataclasses import dataclass

import numpy as np

from repsim.errors import InputError
from repsim.examples import ExamplePair, Features, example_pair

__all__ = ["ExampleResamples"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ExampleResamples:
    """What `Resamples` is for moments: here replicates are changes of indices.

    Parameters
    ----------
    total : ExamplePair
        Of examples in a random order.
    groups : int
        Groups of consecutive examples, of as equal numbers as there can be.
    """

    total: ExamplePair
    groups: int

    @classmethod
    def from_arrays(
        cls,
        x: np.ndarray,
        y: np.ndarray,
        *,
        features: Features,
        examples: int | None,
        groups: int,
        permutations: int,
        seed: int,
    ) -> "ExampleResamples":
        """Of examples × positions × neurons; see `repsim.estimate` for the parameters."""
        if len(x) != len(y):
            raise InputError(
                f"Expected the same examples in X and Y. Got {len(x)} in X and {len(y)} in Y."
            )
        chosen = np.random.default_rng(seed).permutation(len(x))[:examples]
        if groups > len(chosen) or (permutations and len(chosen) < 2):
            raise InputError(
                f"Expected at least {max(2, groups)} examples. Got {len(chosen)}. "
                "Take more examples, or fewer groups."
            )
        pair = example_pair(x[chosen], y[chosen], features)
        return cls(total=pair, groups=groups)

    def without(self, group: int) -> ExamplePair:
        """All groups but one: a replicate of the jackknife."""
        return self.total.without(np.array_split(np.arange(self.total.count), self.groups)[group])

    def null(self, number: int) -> ExamplePair:
        """All examples, those of Y exchanged: rotated by 1 for number 0, by 2 for number 1, …"""
        count = self.total.count
        return self.total.permuted(np.roll(np.arange(count), 1 + number % (count - 1)))
