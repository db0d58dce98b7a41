"""What the sizes and the uniqueness of simple matches say, in sentences."""

from collections.abc import Sequence

import numpy as np

from repsim.report.phrasing import code, count, percent, tolerance
from repsim.report.simple_layers import SMALL, SimpleLayer
from repsim.report.summary import nearest

# At most this share of small matches is "almost none"; above the other, "most" (our reading).
ALMOST_NONE, MOST = 0.05, 0.5


def at_focus(layers: Sequence[SimpleLayer]) -> tuple[float, list[SimpleLayer]]:
    """The ε nearest to 0.3 with any simple match, and the layers that have some there."""
    there = [layer for layer in layers if layer.match_sizes.size]
    epsilons = sorted({layer.epsilon for layer in there})
    epsilon = epsilons[nearest(epsilons, 0.3)]
    return epsilon, [layer for layer in there if layer.epsilon == epsilon]


def sizes_found(layers: Sequence[SimpleLayer]) -> str:
    """The sizes in one sentence; at least one layer has a simple match."""
    epsilon, found = at_focus(layers)
    medians = [float(np.median(layer.neuron_sizes)) for layer in found]
    least, most = int(np.argmin(medians)), int(np.argmax(medians))
    words = f"At ε = {tolerance(epsilon)} the median minimal match"
    if len(found) == 1:
        words += f" at {code(found[0].layer)} holds {neurons(medians[0])}"
    elif medians[least] == medians[most]:
        words += f" holds {neurons(medians[0])} in every layer that matches"
    else:
        words += (
            f" ranges from {neurons(medians[least])} at {code(found[least].layer)} to "
            f"{neurons(medians[most])} at {code(found[most].layer)}"
        )
    return f"{words}; {_small_matches(found)}."


def simple_point(layers: Sequence[SimpleLayer]) -> list[str]:
    """The point of the answer, if there is any simple match."""
    if not any(layer.match_sizes.size for layer in layers):
        return []
    epsilon, found = at_focus(layers)
    half = neurons(float(np.median(np.concatenate([layer.neuron_sizes for layer in found]))))
    share = _small_share(found)
    if share <= ALMOST_NONE:
        kind = "there are almost no small simple matches: similarity is spread over many neurons"
    elif share > MOST:
        kind = "most simple matches are small: much of the similarity is local, in few neurons"
    else:
        kind = "some simple matches are small, but not most"
    matched = sum(layer.neuron_sizes.size for layer in found)
    unique = sum(layer.unique for layer in found)
    if unique == matched:
        certain = "Every matched neuron has a unique minimum match."
    else:
        has = f"Only {percent(unique / matched)}" if unique else "None"
        certain = (
            f"{has} of the matched neurons {'have' if unique else 'has'} a unique minimum match, "
            "so other visiting orders may find other simple matches."
        )
    return [
        f"At ε = {tolerance(epsilon)} {kind}. The median minimal match of a matched "
        f"neuron has {half}; {_small_matches(found)}. {certain}"
    ]


def neurons(median: float) -> str:
    """A median of whole numbers, which may end in one half.

    >>> neurons(12.0), neurons(12.5)
    ('12 neurons', '12.5 neurons')
    """
    return f"{median:,.0f} neurons" if median == int(median) else f"{median:,.1f} neurons"


def _small_share(layers: Sequence[SimpleLayer]) -> float:
    return sum(layer.small for layer in layers) / sum(layer.match_sizes.size for layer in layers)


def _small_matches(layers: Sequence[SimpleLayer]) -> str:
    small = sum(layer.small for layer in layers)
    total = sum(layer.match_sizes.size for layer in layers)
    share = f" ({percent(small / total)})" if 0 < small < total else ""
    some = f"{small:,}" if small else "none"
    verb = "hold" if small > 1 else "holds"
    matches = count(total, "simple match", "simple matches")
    return f"{some} of {matches}{share} {verb} at most {SMALL}"
