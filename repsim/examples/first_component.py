"""The first principal component of a layer, as a vector over examples.

Where it holds most of the variance of many layers, and is the same in all of them, these layers
look alike to CKA whatever else they hold: the block structure of Nguyen, Raghu and Kornblith 2020.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.linalg import eigh

from repsim.examples.alignment import centred
from repsim.examples.gram import ExampleGram

__all__ = [
    "FIRST_COMPONENT_COSINE",
    "FirstComponent",
    "first_component",
    "first_component_cosines",
    "without_first_component",
]

FIRST_COMPONENT_COSINE = "first component[|cosine|]"
"""Id of `first_component_cosines` in tables."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FirstComponent:
    """The direction in which the examples of a layer vary most.

    Parameters
    ----------
    share : float
        Its part of the variance; NaN for a constant layer.
    variance : float
        Squares of the examples' scores, added up: the largest eigenvalue of the centred gram.
    scores : array (n,)
        Where each example lies along it, about the mean and scaled to length 1. The sign, which
        means nothing, is that in which the largest entry is positive.
    """

    share: float
    variance: float
    scores: Float64[np.ndarray, " n"]


def first_component(layer: ExampleGram) -> FirstComponent:
    """The first principal component over examples.

    Examples
    --------
    >>> import numpy as np
    >>> line = np.outer([1.0, 2.0, 3.0, 6.0], [1.0, 1.0])
    >>> found = first_component(ExampleGram.from_features(line))
    >>> round(found.share, 12), np.round(found.scores * np.sqrt(14), 12).tolist()
    (1.0, [-2.0, -1.0, 0.0, 3.0])
    """
    about_means = centred(layer.about_shift)
    total = float(np.trace(about_means))
    if total <= 0:
        nothing = np.full(layer.count, np.nan)
        return FirstComponent(share=float("nan"), variance=0.0, scores=nothing)
    last = layer.count - 1
    values, vectors = eigh(about_means, subset_by_index=[last, last])
    scores = vectors[:, 0] * np.sign(vectors[np.argmax(np.abs(vectors[:, 0])), 0])
    return FirstComponent(share=float(values[0]) / total, variance=float(values[0]), scores=scores)


def without_first_component(layer: ExampleGram, component: FirstComponent) -> ExampleGram:
    """The layer about its mean, without its first component.

    Removing the component from the features takes exactly its part of the inner products away.
    """
    removed = component.variance * np.outer(component.scores, component.scores)
    return ExampleGram(products=centred(layer.about_shift) - np.nan_to_num(removed))


def first_component_cosines(
    a: Sequence[FirstComponent], b: Sequence[FirstComponent]
) -> Float64[np.ndarray, "l m"]:
    """|cos| between first components over the same examples; NaN for a constant layer.

    Where the first two components of a layer have nearly equal shares, their order is arbitrary,
    and so is the cosine.
    """
    first, second = (np.stack([component.scores for component in side]) for side in (a, b))
    cosines: Float64[np.ndarray, "l m"] = np.abs(first @ second.T)
    return cosines
