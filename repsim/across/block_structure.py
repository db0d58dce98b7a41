"""The block structure of a network: many consecutive layers that resemble each other."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from repsim.errors import InputError

__all__ = ["LEAST_ALIKE", "LEAST_LAYERS", "LEAST_SHARE", "Block", "longest_block"]

# A block is described as a wide range of layers with CKA near 1; these bounds are our reading.
LEAST_ALIKE = 0.9
LEAST_SHARE = 0.25
# Neighbouring layers resemble each other in any network.
LEAST_LAYERS = 3


@dataclass(frozen=True, kw_only=True)
class Block:
    """Consecutive layers, from `start` to before `stop`."""

    start: int
    stop: int
    mean: float
    """Of the similarity of its layers, each with each other."""

    @property
    def size(self) -> int:
        """Number of layers."""
        return self.stop - self.start


def longest_block(
    similarity: Float64[np.ndarray, "l l"],
    *,
    least: float = LEAST_ALIKE,
    share: float = LEAST_SHARE,
) -> Block | None:
    """The longest run of layers whose mean similarity to each other is at least `least`.

    Of runs of one length, the one with the higher mean. None where no run holds `share` of the
    layers, and at least three. A network whose layers all resemble each other is one block.

    Parameters
    ----------
    similarity
        Layers × layers within a network, in the order of depth; NaN counts as no similarity.
    least, share
        What a block must reach: our reading of Nguyen, Raghu and Kornblith 2020, who judge by eye.

    Examples
    --------
    >>> import numpy as np
    >>> alike = np.eye(5)
    >>> alike[1:4, 1:4] = 0.97
    >>> block = longest_block(alike)
    >>> block.start, block.stop, round(block.mean, 2)
    (1, 4, 0.97)
    """
    layers = len(similarity)
    if similarity.shape != (layers, layers):
        raise InputError(f"Expected layers × layers of one network. Got {similarity.shape}.")
    known = np.nan_to_num(similarity, nan=0.0)
    for size in range(layers, max(LEAST_LAYERS, int(np.ceil(share * layers))) - 1, -1):
        apart = ~np.eye(size, dtype=bool)
        means = [
            float(known[start : start + size, start : start + size][apart].mean())
            for start in range(layers - size + 1)
        ]
        best = int(np.argmax(means))
        if means[best] >= least:
            return Block(start=best, stop=best + size, mean=means[best])
    return None
