"""Two layers over the same examples: the statistic of the measures of examples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repsim.errors import InputError
from repsim.examples.gram import ExampleGram
from repsim.examples.layer import Features, LayerExamples
from repsim.moments import ArrayLike

__all__ = ["ExamplePair", "example_pair"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ExamplePair:
    """Inner products of the same n examples in two layers; 16 n² bytes.

    The null of a measure (`permuted`) and its jackknife (`without`) are changes of indices: nothing
    is read or multiplied again.

    Parameters
    ----------
    x, y : ExampleGram
        The layers.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(6, 3))
    >>> pair = example_pair(x, 2 * x)
    >>> pair.count, pair.without([0, 1]).count
    (6, 4)
    >>> bool(np.allclose(pair.permuted([5, 4, 3, 2, 1, 0]).y.gram, 4 * pair.x.gram[::-1, ::-1]))
    True
    """

    x: ExampleGram
    y: ExampleGram

    def __post_init__(self) -> None:
        if self.x.count != self.y.count:
            raise InputError(
                f"Expected the same examples in X and Y. Got {self.x.count} in X and "
                f"{self.y.count} in Y. Both must hold the same inputs in the same order."
            )

    @classmethod
    def from_layers(
        cls, x: LayerExamples, y: LayerExamples, features: Features = "averaged"
    ) -> "ExamplePair":
        """Of two layers, with what stands for their feature maps."""
        return cls(x=x.features(features), y=y.features(features))

    @property
    def count(self) -> int:
        """Number of examples n."""
        return self.x.count

    def permuted(self, order: Sequence[int] | np.ndarray) -> "ExamplePair":
        """With Y's examples in another order: the null of unrelated layers."""
        if not np.array_equal(np.sort(np.asarray(order)), np.arange(self.count)):
            raise InputError(
                f"Expected an order that holds each of 0 to {self.count - 1} once. "
                f"Got {len(order)} indices that do not."
            )
        return type(self)(x=self.x, y=self.y.subset(order))

    def subset(self, indices: Sequence[int] | np.ndarray) -> "ExamplePair":
        """Of these examples, in this order."""
        return type(self)(x=self.x.subset(indices), y=self.y.subset(indices))

    def without(self, indices: Sequence[int] | np.ndarray) -> "ExamplePair":
        """Of all examples but these."""
        return self.subset(np.delete(np.arange(self.count), np.asarray(indices, dtype=np.intp)))


def example_pair(
    x: ExamplePair | ArrayLike, y: ArrayLike | None = None, features: Features = "averaged"
) -> ExamplePair:
    """The arguments of a measure of examples as a pair.

    Parameters
    ----------
    x, y
        Examples × neurons, or examples × positions × neurons, of the same examples in the same
        order; or a pair alone, which keeps its features.
    features
        What stands for a feature map, where there are positions.

    Raises
    ------
    InputError
        When `y` is missing, or given beside a pair, or an array cannot be used.
    """
    if isinstance(x, ExamplePair):
        if y is not None:
            raise InputError("Expected two arrays, or a pair of examples alone. Got both.")
        return x
    if y is None:
        raise InputError("Expected two arrays, or a pair of examples alone. Got one array.")
    first, second = LayerExamples.from_array(x, name="X"), LayerExamples.from_array(y, name="Y")
    return ExamplePair.from_layers(first, second, features)
