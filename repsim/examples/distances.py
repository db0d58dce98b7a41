"""Distances between examples, from their inner products."""

import numpy as np
from jaxtyping import Float64

from repsim.examples.gram import ExampleGram

__all__ = [
    "ANGLE_STEP",
    "correlations",
    "cosines",
    "distance_step",
    "relative_rounding",
    "squared_distances",
    "told_apart",
]

Square = Float64[np.ndarray, "n n"]

# Distances that differ by less than this count as equal, so that ties do not depend on the order in
# which features were added up.
UNITS = 64 * np.finfo(np.float64).eps

# Of cosines and correlations, and so of distances that are 1 minus these.
ANGLE_STEP = 2.0**-46

# An example this many times as long as the others has a step of its own: otherwise its length
# would set the resolution of all others.
FAR = 100.0

# Where the parts of a sum of products cancel, a rest below this share of them is rounding.
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


def distance_step(examples: ExampleGram) -> Square:
    """By how much squared distances must differ to count as different: powers of two."""
    lengths = examples.products.diagonal()
    both = lengths[:, None] + lengths[None, :]
    typical = float(np.median(both))
    sizes = np.where(both > FAR * typical, both, typical)
    least = np.finfo(np.float64).tiny
    return np.asarray(np.exp2(np.ceil(np.log2(np.maximum(UNITS * sizes, least)))))


def told_apart(distances: Square, step: Square | float) -> Square:
    """Distances rounded to multiples of their step: equal ones are equal in all bits."""
    # Never below the distance's own spacing: the quotient could overflow.
    step = np.maximum(step, np.spacing(np.abs(distances)))
    return np.asarray(np.rint(distances / step) * step)


def relative_rounding(distances: Square, step: Square | float) -> float:
    """The step of the distances, relative to the distance of most pairs of examples."""
    apart = ~np.eye(len(distances), dtype=bool)
    typical = float(np.median(distances[apart]))
    largest = float(np.median(np.broadcast_to(step, distances.shape)[apart]))
    return largest / typical if typical else 0.0


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
