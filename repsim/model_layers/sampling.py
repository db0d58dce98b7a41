"""Which examples and positions are kept: drawn once, the same for every network of a study."""

import numpy as np

__all__ = ["sampled_examples", "sampled_neurons", "sampled_positions"]

# Keeps the kinds of draw apart where seed and sizes are equal.
_EXAMPLES, _POSITIONS, _NEURONS = 1, 2, 3


def sampled_positions(seed: int, total: int, k: int, example: int) -> np.ndarray:
    """Positions of one example's feature maps that are kept.

    Drawn without replacement, and a function of the arguments alone: layers with maps of one size
    share them, and so do all networks. The paper draws columns of all (example, position) rows;
    k for each example keeps whole examples together, so they can be resampled.

    Parameters
    ----------
    seed
        Of the capture.
    total
        Positions of the map.
    k
        How many to keep; all of them if there are no more.
    example
        Index in the split.

    Returns
    -------
    numpy.ndarray
        int64 (min(k, total),), rising.

    Examples
    --------
    >>> sampled_positions(0, total=4, k=9, example=0)
    array([0, 1, 2, 3])
    """
    if k >= total:
        return np.arange(total)
    generator = np.random.default_rng(
        np.random.SeedSequence((_POSITIONS, *_words(seed), total, k, example))
    )
    return np.sort(generator.choice(total, size=k, replace=False, shuffle=False))


def sampled_examples(seed: int, total: int, k: int) -> np.ndarray:
    """Examples of a split that are captured, in their order: int64 (min(k, total),).

    The order is random, as a split may be sorted by class: so the first n, or any run of them, are
    a random sample, and a larger k adds to a smaller one.
    """
    generator = np.random.default_rng(np.random.SeedSequence((_EXAMPLES, *_words(seed), total)))
    return generator.permutation(total)[:k]


def sampled_neurons(seed: int, total: int, k: int) -> np.ndarray:
    """Neurons of a layer that are kept: int64 (min(k, total),), rising.

    Layers of one width keep the same, in all networks, and a larger k adds to a smaller one.
    """
    generator = np.random.default_rng(np.random.SeedSequence((_NEURONS, *_words(seed), total)))
    return np.sort(generator.permutation(total)[:k])


def _words(seed: int) -> tuple[int, int]:
    return seed & 0xFFFFFFFF, seed >> 32
