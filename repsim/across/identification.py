"""How often a measure finds the corresponding layer: a check of measures without ground truth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.stats import binomtest

from repsim.errors import InputError

__all__ = ["Identification", "identify"]

# Values within this of each other are a tie: rounding must not identify a layer.
TIE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Identification:
    """How often the most similar layer of the other network was the corresponding one.

    Adds up over pairs of networks, each taken both ways.

    Parameters
    ----------
    correct : int
        Layers whose most similar layer corresponds. A tie with another is no identification.
    total : int
        Layers with a value for the corresponding one.
    undefined : int
        Layers that correspond to one, but without a value: not counted in `total`.
    expected : float
        Number of correct ones by guessing: the sum of 1 / (layers to choose from).
    """

    correct: int = 0
    total: int = 0
    undefined: int = 0
    expected: float = 0.0

    def __add__(self, other: "Identification") -> "Identification":
        return type(self)(
            correct=self.correct + other.correct,
            total=self.total + other.total,
            undefined=self.undefined + other.undefined,
            expected=self.expected + other.expected,
        )

    @property
    def accuracy(self) -> float:
        """Share of the layers that were found; NaN of none."""
        return self.correct / self.total if self.total else float("nan")

    @property
    def chance(self) -> float:
        """The accuracy of guessing: 1 / L for networks of L layers; NaN of none."""
        return self.expected / self.total if self.total else float("nan")

    def interval(self, level: float = 0.9) -> tuple[float, float]:
        """Binomial interval of the accuracy (Wilson 1927), as if the layers were independent.

        They are not quite: layers of one network share its training, so the true interval is
        wider. NaN of none.

        Examples
        --------
        >>> low, high = Identification(correct=8, total=10, expected=1.0).interval(0.95)
        >>> round(low, 3), round(high, 3)
        (0.49, 0.943)
        """
        if not self.total:
            return float("nan"), float("nan")
        low, high = binomtest(self.correct, self.total).proportion_ci(level, method="wilson")
        return float(low), float(high)


def identify(
    similarity: Float64[np.ndarray, "l m"],
    layers_a: Sequence[str],
    layers_b: Sequence[str],
    *,
    larger_is_more_similar: bool = True,
) -> Identification:
    """For each layer of A, whether the most similar layer of B has its name.

    Kornblith et al. 2019, section 6.1: of two networks of one architecture, each layer of the
    first should be most similar to the same layer of the second. Layers of A that B does not have
    are left out; those that only B has remain to be chosen from.

    Parameters
    ----------
    similarity
        Layers of A × layers of B, between two networks. NaN: not defined, and never chosen.
    layers_a, layers_b
        Their names.
    larger_is_more_similar
        False for distances.

    Examples
    --------
    >>> import numpy as np
    >>> found = identify(np.array([[0.9, 0.4], [0.8, 0.6]]), ["a", "b"], ["a", "b"])
    >>> found.correct, found.total, found.chance
    (1, 2, 0.5)
    """
    if similarity.shape != (len(layers_a), len(layers_b)):
        raise InputError(
            f"Expected a value for each of {len(layers_a)} × {len(layers_b)} layers. "
            f"Got shape {similarity.shape}."
        )
    place = {layer: number for number, layer in enumerate(layers_b)}
    found = Identification()
    for layer, row in zip(layers_a, similarity, strict=True):
        if layer not in place:
            continue
        value = row[place[layer]]
        if np.isnan(value):
            found += Identification(undefined=1)
            continue
        others = np.delete(row, place[layer])
        others = others[~np.isnan(others)]
        ahead = value - others if larger_is_more_similar else others - value
        found += Identification(
            correct=int((ahead > TIE).all()), total=1, expected=1 / (1 + len(others))
        )
    return found
