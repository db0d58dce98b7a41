"""Sudden rises of the match curves, in words."""

import numpy as np

from repsim.report.phrasing import code, near, percent
from repsim.report.summary import Summary
from repsim.report.unrelated import UNRELATED, unrelated_from, unrelated_words
from repsim.text import count

__all__ = ["LARGE_JUMP", "jump_point", "largest_rise"]

# A rise that takes in this share of a layer at one epsilon is called a jump (our reading).
LARGE_JUMP = 0.25


def largest_rise(summary: Summary) -> str:
    """The largest single rise of any pair and layer: where, how large, at which ε.

    At least one pair must have a neuron that enters the match below ε = 1.
    """
    size = summary.jump.size
    pair, layer = np.unravel_index(int(np.nanargmax(size)), size.shape)
    epsilon = float(summary.jump.epsilon[pair, layer])
    of = " and ".join(map(code, summary.pairs[pair]))
    whose = f" of {of}" if len(summary.pairs) > 1 else ""
    return (
        f"at {code(summary.names[layer])}{whose}, where {percent(float(size[pair, layer]))} of the "
        f"neurons of both networks enter the match together near ε = {near(epsilon)}"
        f"{unrelated_words(summary, int(layer), epsilon)}"
    )


def jump_point(summary: Summary) -> list[str]:
    """The point of the answer, if any neuron enters a match below ε = 1."""
    size = summary.jump.size
    known = np.isfinite(size)
    if not known.any():
        return []
    bound = f"{100 * LARGE_JUMP:g} %"
    jumps = np.where(known, size, 0) >= LARGE_JUMP
    if not jumps.any():
        return [
            f"No match curve jumps: in no pair and layer do {bound} of the neurons or more enter "
            "the match at a single ε."
        ]
    layers = count(int(known.any(axis=0).sum()), "layer")
    some, all_pairs = int(jumps.any(axis=0).sum()), int((jumps & known).all(axis=0).sum())
    if len(summary.pairs) == 1:
        words = f"The match curve jumps in {some} of {layers}"
    else:
        words = (
            f"The match curve jumps in {some} of {layers} in at least one pair, and in {all_pairs} "
            "in every pair"
        )
    words += (
        f" ({bound} of the neurons or more enter the match at a single ε). The largest rise is "
        f"{largest_rise(summary)}."
    )
    floors = np.array([unrelated_from(one, centred=summary.centred) for one in summary.layers])
    beyond = int((jumps & (np.where(known, summary.jump.epsilon, 0) >= floors)).sum())
    if beyond:
        words += (
            f" {beyond} of {count(int(jumps.sum()), 'jump')} (one for each pair and layer at most) "
            f"{'lies' if beyond == 1 else 'lie'} at an ε at which {UNRELATED} would match, too."
        )
    return [words]
