"""What the sizes and the uniqueness of simple matches say, in sentences."""

from collections.abc import Sequence

import numpy as np

from repsim.report.phrasing import code, listing, percent, tolerance
from repsim.report.simple_layers import SMALL, SimpleLayer
from repsim.report.summary import nearest
from repsim.text import count


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
    words = f"At ε = {tolerance(epsilon)} the median size of the minimal matches of a layer"
    if len(found) == 1:
        words = (
            f"At ε = {tolerance(epsilon)} the median size of the minimal matches at "
            f"{code(found[0].layer)} is {neurons(medians[0])}"
        )
    elif medians[least] == medians[most]:
        words += f" is {neurons(medians[0])} in all {count(len(found), 'layer')} that match"
    else:
        words += (
            f" runs from {neurons(medians[least])} at {_where(found, medians, medians[least])} to "
            f"{neurons(medians[most])} at {_where(found, medians, medians[most])}"
        )
    return f"{words}; {_small_matches(found)}."


def _where(found: Sequence[SimpleLayer], medians: Sequence[float], median: float) -> str:
    return listing([one.layer for one, its in zip(found, medians, strict=True) if its == median])


def simple_point(layers: Sequence[SimpleLayer]) -> list[str]:
    """The point of the answer, if there is any simple match."""
    if not any(layer.match_sizes.size for layer in layers):
        return []
    epsilon, found = at_focus(layers)
    sizes = np.concatenate([layer.neuron_sizes for layer in found])
    local = int((sizes <= SMALL).sum())
    unique = sum(layer.unique for layer in found)
    if unique == sizes.size:
        certain = "Every matched neuron has a unique minimum match."
    else:
        has = f"{percent(unique / sizes.size)}" if unique else "None"
        certain = (
            f"{has} of the matched neurons {'have' if unique else 'has'} a unique minimum match; "
            "where there is none, other visiting orders may find other simple matches."
        )
    return [
        f"At ε = {tolerance(epsilon)}, over all pairs and the "
        f"{count(len(found), 'layer')} with a match, {_small_matches(found)}. "
        f"{percent(local / sizes.size) if local else 'None'} of the matched neurons "
        f"{'have' if local else 'has'} a minimal match as small; the median size is "
        f"{neurons(float(np.median(sizes)))}. {certain}"
    ]


def neurons(median: float) -> str:
    """A median of whole numbers, which may end in one half.

    >>> neurons(12.0), neurons(12.5)
    ('12 neurons', '12.5 neurons')
    """
    return f"{median:,.0f} neurons" if median == int(median) else f"{median:,.1f} neurons"


def _small_matches(layers: Sequence[SimpleLayer]) -> str:
    small = sum(layer.small for layer in layers)
    total = sum(layer.match_sizes.size for layer in layers)
    share = f" ({percent(small / total)})" if 0 < small < total else ""
    some = f"{small:,}" if small else "none"
    verb = "hold" if small > 1 else "holds"
    matches = count(total, "simple match", "simple matches")
    return f"{some} of {matches}{share} {verb} at most {SMALL} neurons"
