"""Kernels about their means: what HSIC compares, biased and not.

The measures of examples are cosines: each makes a unit vector of one layer, and its value is the
inner product of two of them. So a table of all layers against all others is one matrix product.
"""

import numpy as np
from jaxtyping import Float64

from repsim.errors import InputError

__all__ = ["aligned", "centred", "half", "u_centred", "unit"]

Square = Float64[np.ndarray, "n n"]

# A kernel that shrinks to less than this share of itself when its means are taken away is constant:
# what is left is the rounding of sums in float64.
CONSTANT = 1e-13


def centred(kernel: Square) -> Square:
    r"""The kernel about its means, :math:`H K H` with :math:`H = I - 11^\top/n`; zero if constant.

    Kornblith et al. 2019, equation 3. Inner products of two are :math:`(n-1)^2` times the biased
    HSIC.

    Examples
    --------
    >>> import numpy as np
    >>> centred(np.ones((3, 3))).tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    means = kernel.mean(axis=0)
    return _unless_constant(kernel - means[:, None] - means[None, :] + means.mean(), kernel)


def u_centred(kernel: Square) -> Square:
    r"""The kernel U-centred: zero diagonal, and zero sums of rows.

    .. math:: \tilde K_{ij} = K_{ij} - \frac{\sum_l K_{il} + \sum_l K_{lj}}{n-2}
              + \frac{\sum_{kl} K_{kl}}{(n-1)(n-2)}, \quad i \ne j, \text{ sums off the diagonal}

    Inner products of two are :math:`n(n-3)` times the unbiased HSIC₁ (Song et al. 2012; Székely and
    Rizzo 2014; in this form in the code of Nguyen, Raghu and Kornblith 2020).

    Raises
    ------
    InputError
        Of fewer than four examples.
    """
    n = len(kernel)
    if n < 4:
        raise InputError(
            f"Expected at least 4 examples for an estimate without bias. Got {n}. Take more."
        )
    off_diagonal = kernel - np.diag(kernel.diagonal())
    means = off_diagonal.sum(axis=0) / (n - 2)
    means -= means.sum() / (2 * (n - 1))
    result = off_diagonal - means[:, None] - means[None, :]
    np.fill_diagonal(result, 0.0)
    return _unless_constant(result, kernel)


def half(symmetric: Square, *, diagonal: bool) -> Float64[np.ndarray, " m"]:
    """One half of a symmetric matrix as a vector, with the inner products of the whole.

    Examples
    --------
    >>> import numpy as np
    >>> matrix = np.array([[1.0, 2.0], [2.0, 3.0]])
    >>> vector = half(matrix, diagonal=True)
    >>> round(float(vector @ vector), 12), float(np.sum(matrix**2))
    (18.0, 18.0)
    """
    below = np.sqrt(2) * symmetric[np.tri(len(symmetric), k=-1, dtype=bool)]
    return np.concatenate([below, symmetric.diagonal()]) if diagonal else below


def aligned(kernel: Square, *, debiased: bool) -> Float64[np.ndarray, " m"]:
    """The kernel about its means, U-centred if `debiased`, as a vector of length 1."""
    about_means = u_centred(kernel) if debiased else centred(kernel)
    return unit(half(about_means, diagonal=not debiased))


def unit(vector: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
    """The vector with length 1; NaN where it is zero, so that every value with it is undefined."""
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 else np.full_like(vector, np.nan)


def _unless_constant(result: Square, kernel: Square) -> Square:
    left, whole = np.linalg.norm(result), np.linalg.norm(kernel)
    return result if left > CONSTANT * whole else np.zeros_like(result)
