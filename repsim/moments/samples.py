"""Arrays that a user hands in, as blocks of samples × neurons, and what is summed of a block."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float64

from repsim.arrays import ArrayLike, as_array
from repsim.errors import InputError
from repsim.origin import Origin

__all__ = ["ArrayLike", "blocks", "check_finite", "check_sums", "extended", "matrix", "paired"]

# A block of this many numbers (16 MB in float64) keeps the matrix product at full speed while
# the float64 copy of a float16 or float32 array stays small.
BLOCK_ELEMENTS = 2**21

# How to make an array of this many axes samples × neurons.
SHAPE_HINTS = {
    0: "A single number is no layer.",
    1: "For a layer of one neuron, give x[:, None].",
    3: "Move positions to the samples first: "
    "(examples, positions, neurons) becomes (examples * positions, neurons).",
    4: "Every place of a map is a sample, every channel a neuron: (examples, channels, height, "
    "width) becomes np.moveaxis(x, 1, -1).reshape(-1, channels).",
    5: "Move the axis of the neurons last, and make samples of all others: "
    "np.moveaxis(x, axis, -1).reshape(-1, neurons).",
}


def matrix(array: ArrayLike, name: str) -> np.ndarray:
    """View `array` as a real samples × neurons matrix in its own precision, without a copy.

    Raises InputError when it is not two-dimensional, has no neurons, or is what `as_array` refuses.
    A block of a stream may have no samples.
    """
    values = as_array(array, name)
    if values.ndim != 2:
        batches = " A list of batches is joined by np.concatenate(x)."
        raise InputError(
            f"Expected {name} as a two-dimensional array of samples × neurons. "
            f"Got shape {values.shape}. {SHAPE_HINTS.get(values.ndim, SHAPE_HINTS[5])}"
            f"{batches if values.ndim == 3 and isinstance(array, list | tuple) else ''}"
        )
    if values.shape[1] == 0:
        raise InputError(f"Expected at least one neuron in {name}. Got shape {values.shape}.")
    return values


def paired(x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """View two arrays as matrices over the same samples; InputError when their counts differ."""
    first, second = matrix(x, "X"), matrix(y, "Y")
    if len(first) != len(second):
        raise InputError(
            f"Expected the same samples in X and Y. Got {len(first)} samples (rows) in X and "
            f"{len(second)} in Y. Both must hold the same inputs in the same order."
        )
    return first, second


def blocks(
    x: np.ndarray, y: np.ndarray, block_size: int | None
) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Cut two matrices into blocks of `block_size` samples, with each block's first row."""
    width = x.shape[1] + y.shape[1]
    rows = block_size if block_size is not None else max(1024, BLOCK_ELEMENTS // width)
    if rows < 1:
        raise InputError(f"Expected block_size of at least one sample. Got {block_size}.")
    for start in range(0, len(x), rows):
        part = slice(start, start + rows)
        yield x[part], y[part], start


def extended(
    block: np.ndarray, room: Float64[np.ndarray, "b n"], origin: Origin
) -> Float64[np.ndarray, "b n"]:
    r"""Write a block (b × p) about its origin into `room` (b × p + 2): :math:`[X\;|x_i|^2\;1]`.

    With a squared norm and a one beside each sample, one matrix product has every sum of a pair in
    it: with 512 neurons that costs 2 % more than XᵀY alone, and separate sums cost 15 %.

    Examples
    --------
    >>> import numpy as np
    >>> extended(np.array([[1, 2], [0, 3]]), np.empty((2, 4)), Origin.zero(2))
    array([[1., 2., 5., 1.],
           [0., 3., 9., 1.]])
    """
    values = origin.applied_to(block, room[:, :-2])
    # A norm that overflows is found in the sums, and reported by name.
    with np.errstate(over="ignore", invalid="ignore"):
        np.einsum("ij,ij->i", values, values, out=room[:, -2])
    room[:, -1] = 1.0
    return room


def check_sums(
    square: Float64[np.ndarray, "n n"], block: np.ndarray, name: str, first_row: int
) -> None:
    """Refuse a block after which the second moment of its extended samples is not finite."""
    # Overflow and NaN of any number are in the sum of its neuron and in that of the norms.
    if not (np.isfinite(square[-1]).all() and np.isfinite(square[-2, -2])):
        check_finite(block, name, first_row)


def check_finite(block: np.ndarray, name: str, first_row: int) -> None:
    """Name the first bad number of a block whose sums came out non-finite.

    Sums are non-finite when any entry is, so the slow look at every entry happens only then.
    """
    bad = ~np.isfinite(block)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise InputError(
            f"Expected finite activations. Got {block[row, column]} in {name} at sample "
            f"{first_row + row}, neuron {column} (the first of {int(bad.sum())} in its block). "
            "Drop the sample or the neuron, or capture in a wider dtype."
        )
    column = int(np.argmax(np.abs(block).max(axis=0)))
    raise InputError(
        "Expected activations whose fourth powers fit in float64. Got "
        f"{np.abs(block).max():.3g} in {name}, neuron {column}. Divide the layer by a constant: "
        "hardly any measure depends on it, and a match does not."
    )
