"""Factorisations that measures are made of, safe where LAPACK's fast ones do not converge.

Divide and conquer (gesdd, syevd) fails now and then on finite input that the QR iteration (gesvd,
syev) takes: https://github.com/scipy/scipy/issues/15024.
"""

import numpy as np
from jaxtyping import Float64, Int64
from scipy import linalg
from scipy.linalg import lapack

__all__ = ["cosine_vectors", "cosines", "eigenvectors", "singular_values", "triangular_factor"]

# Singular values come from the eigenvalues of the square, in half the time, where all are above
# this share of the largest: they are then good to 1e-16 / 1e-5 of it.
CONDITIONED = 1e-5

# Of the largest. Eigenvectors of the square are good to 1e-16 / SMALL² among the singular vectors
# above it; those below are separated anew, as long as their products with the rest, 1e-16, are
# nothing beside the SMALLEST.
SMALL, SMALLEST = 1e-2, 1e-6


def singular_values(matrix: Float64[np.ndarray, "m n"]) -> Float64[np.ndarray, " k"]:
    """Singular values, largest first."""
    if not matrix.size:
        return np.zeros(0)
    try:
        return linalg.svd(matrix, compute_uv=False, check_finite=False)
    except linalg.LinAlgError:
        return linalg.svd(matrix, compute_uv=False, check_finite=False, lapack_driver="gesvd")


def cosines(between: Float64[np.ndarray, "m n"]) -> Float64[np.ndarray, " k"]:
    """Cosines of the principal angles of two subspaces, largest first.

    Parameters
    ----------
    between : array (m, n)
        Inner products of an orthonormal basis of one with one of the other. Seldom graded, unlike
        a cross moment, so that the way through the square is mostly open.
    """
    if not between.size:
        return np.zeros(0)
    wide = between if between.shape[0] <= between.shape[1] else between.T
    squares = _eigenvalues(wide @ wide.T)
    if squares[-1] > CONDITIONED**2 * squares[0]:
        return np.asarray(np.minimum(np.sqrt(squares), 1.0))
    return np.asarray(np.minimum(singular_values(between), 1.0))


def cosine_vectors(
    between: Float64[np.ndarray, "m n"],
) -> tuple[Float64[np.ndarray, "m k"], Float64[np.ndarray, " k"], Float64[np.ndarray, "n k"]]:
    """Principal vectors of two subspaces in their bases, as columns, and cosines; see `cosines`.

    By the eigenvectors of the square, in half the time of a singular value decomposition, with one
    of what belongs to the small cosines.
    """
    if between.shape[0] > between.shape[1]:
        right, values, left = cosine_vectors(between.T)
        return left, values, right
    if not between.size:
        return np.zeros((0, 0)), np.zeros(0), np.zeros((between.shape[1], 0))
    _, left = eigenvectors(between @ between.T)
    along = between.T @ left
    values = np.linalg.norm(along, axis=0)
    if not values[-1] > SMALLEST * values[0]:
        left, values, right = _singular_vectors(between)
        return left, np.minimum(values, 1.0), right.T
    large = int(np.sum(values > SMALL * values[0]))
    right, small, turn = _singular_vectors(along[:, large:])
    left = np.hstack((left[:, :large], left[:, large:] @ turn.T))
    right = np.hstack((along[:, :large] / values[:large], right))
    return left, np.minimum(np.append(values[:large], small), 1.0), right


def eigenvectors(
    square: Float64[np.ndarray, "n n"],
) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, "n n"]]:
    """Eigenvalues of a symmetric matrix, largest first, and eigenvectors as columns."""
    try:
        values, vectors = linalg.eigh(square, check_finite=False, driver="evd")
    except linalg.LinAlgError:
        values, vectors = linalg.eigh(square, check_finite=False, driver="ev")
    return values[::-1], vectors[:, ::-1]


def triangular_factor(
    unit: Float64[np.ndarray, "n n"], tolerance: float
) -> tuple[Float64[np.ndarray, "r n"], Int64[np.ndarray, " n"]]:
    """Upper triangular R of unit vectors with these inner products, and their order in it.

    The first r vectors are independent: the squared distance of each to the span of those before it
    is above the tolerance. They are chosen greedily, the most distant first, unless all are far
    from dependent, where the order does not matter and LAPACK is four times as fast without it.
    """
    if not len(unit):
        return np.zeros((0, 0)), np.zeros(0, dtype=np.int64)
    factor, info = lapack.dpotrf(unit.T)
    if info == 0:
        norm = np.abs(unit).sum(axis=0).max()
        # An estimate of the smallest eigenvalue, below every squared distance; good to a factor
        # of 3 in practice (Higham 2002, section 15.3), for which 100 leaves room.
        if lapack.dpocon(factor, norm)[0] * norm > 100 * tolerance:
            return factor, np.arange(len(unit))
    factor, pivots, rank, _ = lapack.dpstrf(unit.T, tol=tolerance)
    return np.triu(factor)[:rank], pivots.astype(np.int64) - 1


def _eigenvalues(square: Float64[np.ndarray, "n n"]) -> Float64[np.ndarray, " n"]:
    return linalg.eigvalsh(square, check_finite=False)[::-1]


def _singular_vectors(
    matrix: Float64[np.ndarray, "m n"],
) -> tuple[Float64[np.ndarray, "m k"], Float64[np.ndarray, " k"], Float64[np.ndarray, "k n"]]:
    if not matrix.size:
        return np.zeros((len(matrix), 0)), np.zeros(0), np.zeros((0, matrix.shape[1]))
    try:
        return linalg.svd(matrix, full_matrices=False, check_finite=False)
    except linalg.LinAlgError:
        return linalg.svd(matrix, full_matrices=False, check_finite=False, lapack_driver="gesvd")
