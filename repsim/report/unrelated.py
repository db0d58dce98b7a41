"""From which ε on neurons that have nothing to do with each other match."""

import math

from repsim.report.phrasing import near
from repsim.report.summary import LayerFacts, Summary

__all__ = ["UNRELATED", "unrelated_distance", "unrelated_from", "unrelated_words"]

UNRELATED = "independent rectified Gaussian neurons"


def unrelated_distance(neurons_per_sample: float, *, centred: bool) -> float:
    """Expected relative distance of an independent rectified Gaussian neuron to n others.

    .. math:: \\sqrt{(1 - 1/\\pi)(1 - n/d)}, \\text{ centred } \\sqrt{1 - n/d}

    Derived for i.i.d. max(0, N(0, 1)) units, whose squared mean is 1/π of their second moment.

    >>> round(unrelated_distance(64 / 2000, centred=False), 3)
    0.812
    """
    share = max(0.0, 1 - neurons_per_sample)
    return math.sqrt(share if centred else (1 - 1 / math.pi) * share)


def unrelated_from(layer: LayerFacts, *, centred: bool) -> float:
    """The ε from which on unrelated neurons match at a layer; 0 where there are fewer samples."""
    return unrelated_distance(layer.neurons_per_sample, centred=centred)


def unrelated_words(summary: Summary, layer: int, epsilon: float) -> str:
    """A clause on "there", if an ε of a layer is one at which unrelated neurons match."""
    distance = unrelated_from(summary.layers[layer], centred=summary.centred)
    if epsilon < distance:
        return ""
    return f" ({UNRELATED} would match there from about ε = {near(distance)})"
