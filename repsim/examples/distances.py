"""Distances between examples, from their inner products."""

import numpy as np
from jaxtyping import Float64

from repsim.examples.gram import ExampleGram

__all__ = ["correlations", "cosines", "squared_distances", "told_apart"]

Square = Float64[np.ndarray, "n n"]

# Distances that differ by less than this count as equal, so that ties do not hang on the order in
# which features were added up: a share of the largest, or as it is where distances are bounded.
RESOLUTION = 1e-12

# What is left of a sum of products whose parts cancel is rounding below this share of them.
ROUNDING = 1e-13


def squared_distances(examples: ExampleGram) -> Square:
    r"""Squared Euclidean distances, :math:`G_{ii} + G_{jj} - 2 G_{ij}`, with a zero diagonal.

    The difference loses digits where examples are much nearer to each other than to the common
    point of the features; what is within its rounding is zero.

    Examples
    --------
    >>> import numpy as np
    >>> np.round(squared_distances(ExampleGram.from_features(np.array([[0.0], [3.0]]))), 12)
    array([[0., 9.],
           [9., 0.]])
    """
    lengths = examples.products.diagonal()
    both = lengths[:, None] + lengths[None, :]
    distances: Square = both - 2 * examples.products
    distances[distances < 8 * np.finfo(np.float64).eps * both] = 0.0
    if examples.offsets is not None:
        means = examples.offsets.row_means
        distances += examples.offsets.width * (means[:, None] - means[None, :]) ** 2
    np.fill_diagonal(distances, 0.0)
    return distances


def cosines(examples: ExampleGram) -> Square:
    """Cosines of the angles between examples; 0 with an example that is zero."""
    return _normalised(examples.gram, examples)


def correlations(examples: ExampleGram) -> Square:
    """Pearson correlations between examples, over their features; 0 with a constant example.

    Raises
    ------
    InputError
        Where the features are not known.
    """
    return _normalised(examples.about_row_means, examples)


def told_apart(
    distances: Float64[np.ndarray, "..."], *, bounded: bool
) -> Float64[np.ndarray, "..."]:
    """Distances in units of what can be told apart, as whole numbers.

    That is `RESOLUTION` times the largest, but `RESOLUTION` itself for `bounded` distances: those
    of angles come as a difference from 1, and when all are small, what is left of them is rounding.
    """
    largest = 1.0 if bounded else float(np.abs(distances).max(initial=0.0))
    return np.rint(distances / (largest * RESOLUTION)) if largest else np.zeros_like(distances)


def _normalised(gram: Square, examples: ExampleGram) -> Square:
    squares = gram.diagonal()
    parts = np.abs(examples.products.diagonal())
    if examples.offsets is not None:
        parts = parts + 2 * np.abs(examples.offsets.along) + examples.offsets.square
    live = squares > ROUNDING * parts
    lengths = np.sqrt(np.where(live, squares, 1.0))
    scale = live / lengths
    cosines: Square = np.clip(gram * scale[:, None] * scale[None, :], -1.0, 1.0)
    return cosines
