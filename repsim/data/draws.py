"""Random draws that belong to one example, whatever batch or process it is met in."""

from enum import IntEnum

import numpy as np

__all__ = ["Purpose", "generator"]


class Purpose(IntEnum):
    """What draws are for; purposes that share a seed still get independent streams."""

    AUGMENTATION = 1
    TEMPLATE = 2
    NOISE = 3
    SUBSET = 4
    RANDOM_LABELS = 5
    PIXELS = 6


def generator(seed: int, purpose: Purpose, *position: int) -> np.random.Generator:
    """Independent generator for one purpose and position, such as (epoch, example).

    Counter-based (Philox), so that the draws need no state that is carried from batch to batch.

    Examples
    --------
    >>> one = generator(0, Purpose.AUGMENTATION, 3, 17).random()
    >>> one == generator(0, Purpose.AUGMENTATION, 3, 17).random()
    True
    >>> one == generator(0, Purpose.AUGMENTATION, 3, 18).random()
    False
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(int(purpose), *position))
    return np.random.Generator(np.random.Philox(sequence))
