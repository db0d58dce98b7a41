"""Distances between examples, from their inner products."""

import numpy as np
from jaxtyping import Float64

from repsim.errors import InputError
from repsim.examples.gram import ExampleGram

__all__ = ["correlations", "cosines", "squared_distances", "told_apart"]

Square = Float64[np.ndarray, "n n"]

# Distances that differ by less than this share of the largest count as equal, so that ties do not
# hang on the order in which features were added up.
RESOLUTION = 1e-12


def squared_distances(examples: ExampleGram) -> Square:
    r"""Squared Euclidean distances, :math:`G_{ii} + G_{jj} - 2 G_{ij}`, with a zero diagonal.

    The difference loses digits where examples are much nearer to each other than to the origin;
    what is within its rounding is zero.

    Examples
    --------
    >>> import numpy as np
    >>> squared_distances(ExampleGram.from_features(np.array([[0.0], [3.0]])))
    array([[0., 9.],
           [9., 0.]])
    """
    lengths = examples.gram.diagonal()
    both = lengths[:, None] + lengths[None, :]
    distances: Square = both - 2 * examples.gram
    distances[distances < 8 * np.finfo(np.float64).eps * both] = 0.0
    np.fill_diagonal(distances, 0.0)
    return distances


def cosines(examples: ExampleGram) -> Square:
    """Cosines of the angles between examples; 0 with an example that is zero."""
    return _normalised(examples.gram)


def correlations(examples: ExampleGram) -> Square:
    """Pearson correlations between examples, over their features; 0 with a constant example.

    Raises
    ------
    InputError
        Where the sums of the features are not known.
    """
    sums, width = examples.sums, examples.width
    if sums is None or width == 0:
        raise InputError(
            "Expected the sum of each example's features, to correlate examples. Got inner "
            "products alone. Make the pair from arrays, or take the Euclidean distance."
        )
    about_means = examples.gram - np.outer(sums, sums / width)
    constant = about_means.diagonal() <= RESOLUTION * examples.gram.diagonal()
    about_means[constant] = 0.0
    about_means[:, constant] = 0.0
    return _normalised(about_means)


def told_apart(distances: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
    """Distances in units of `RESOLUTION` times the largest, as whole numbers."""
    largest = float(np.abs(distances).max(initial=0.0))
    return np.rint(distances / (largest * RESOLUTION)) if largest else np.zeros_like(distances)


def _normalised(gram: Square) -> Square:
    lengths = np.sqrt(gram.diagonal())
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    cosines: Square = np.clip(gram * scale[:, None] * scale[None, :], -1.0, 1.0)
    return cosines
