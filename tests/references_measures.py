"""Literal, slow implementations of the measures, independent of the package.

They work on the samples (rows), as the papers and the libraries define them, and share no line with
`repsim.measures`.
"""

import numpy as np
from scipy import linalg


def centre(x: np.ndarray) -> np.ndarray:
    return x - x.mean(axis=0)


def normalised(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x)


def basis(x: np.ndarray) -> np.ndarray:
    """Orthonormal basis of the span of the neurons, without those that are rounding."""
    left, lengths, _ = np.linalg.svd(x, full_matrices=False)
    return left[:, lengths > 1e-10 * lengths[0]]


def correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Canonical correlations of layers as they are: cosines of angles between the spans."""
    return np.linalg.svd(basis(x).T @ basis(y), compute_uv=False)


def leading(x: np.ndarray, share: float, of: str) -> np.ndarray:
    """The fewest left singular vectors that reach the share."""
    left, lengths, _ = np.linalg.svd(x, full_matrices=False)
    weights = lengths if of == "singular values" else lengths**2
    for kept in range(1, len(weights) + 1):
        if sum(weights[:kept]) >= share * sum(weights):
            return left[:, :kept]
    return left


def svcca(x, y, share=0.99, of="singular values") -> float:
    """Raghu et al. 2017, section 2: an SVD of each layer, then CCA of what is kept."""
    kept = [leading(centre(layer), share, of) for layer in (x, y)]
    return float(np.mean(correlations(*kept)))


def pwcca(x, y) -> float:
    """Morcos et al. 2018, section 2: rows of L are neurons there, columns here."""
    x, y = centre(x), centre(y)
    inverse_root_x, inverse_root_y = (_inverse_root(layer.T @ layer) for layer in (x, y))
    u, rho, _ = np.linalg.svd(inverse_root_x @ x.T @ y @ inverse_root_y, full_matrices=False)
    h, _ = np.linalg.qr(x @ inverse_root_x @ u)
    alpha = np.zeros(len(rho))
    for i in range(len(rho)):
        for j in range(x.shape[1]):
            alpha[i] += abs(h[:, i] @ x[:, j])
    return float(np.sum(alpha * rho) / np.sum(alpha))


def cka(x, y) -> float:
    """Kornblith et al. 2019, equations 3 to 5: HSIC of the centred sample × sample kernels."""
    projection = np.eye(len(x)) - 1 / len(x)
    kernel_x, kernel_y = (projection @ z @ z.T @ projection for z in (x, y))
    aligned = np.trace(kernel_x @ kernel_y)
    return float(aligned / np.sqrt(np.trace(kernel_x @ kernel_x) * np.trace(kernel_y @ kernel_y)))


def hsic_1(x, y) -> float:
    """Song et al. 2012, equation 5, of kernels without their diagonals."""
    n = len(x)
    kernel_x, kernel_y = x @ x.T, y @ y.T
    np.fill_diagonal(kernel_x, 0)
    np.fill_diagonal(kernel_y, 0)
    ones = np.ones(n)
    return float(
        (
            np.trace(kernel_x @ kernel_y)
            + (ones @ kernel_x @ ones) * (ones @ kernel_y @ ones) / ((n - 1) * (n - 2))
            - 2 / (n - 2) * (ones @ kernel_x @ kernel_y @ ones)
        )
        / (n * (n - 3))
    )


def debiased_cka(x, y) -> float:
    return hsic_1(x, y) / np.sqrt(hsic_1(x, x) * hsic_1(y, y))


def r_squared(predictors, target) -> float:
    """One least squares fit for each target neuron, with an intercept."""
    design = np.column_stack([np.ones(len(predictors)), predictors])
    rest = total = 0.0
    for neuron in target.T:
        fitted = design @ np.linalg.lstsq(design, neuron, rcond=None)[0]
        rest += float(np.sum((neuron - fitted) ** 2))
        total += float(np.sum((neuron - neuron.mean()) ** 2))
    return 1 - rest / total


def rotated_distance(x, y) -> float:
    """Frobenius distance after the best rotation, the narrower layer padded with zeros."""
    width = max(x.shape[1], y.shape[1])
    x, y = (np.pad(z, ((0, 0), (0, width - z.shape[1]))) for z in (x, y))
    rotation, _ = linalg.orthogonal_procrustes(y, x)
    return float(np.linalg.norm(x - y @ rotation))


def fidelity(kernel_x, kernel_y) -> float:
    """Uhlmann fidelity: trace of the root of the product of kernels over samples."""
    root = _root(kernel_x)
    return float(np.trace(_root(root @ kernel_y @ root)))


def angle(a: np.ndarray, b: np.ndarray) -> float:
    """netrep's angular distance between matrices."""
    return float(np.arccos(np.clip(np.sum(normalised(a) * normalised(b)), -1, 1)))


def netrep_linear(x, y, alpha: float) -> float:
    """netrep's LinearMetric: partly whitened, padded, rotated onto each other; then the angle."""
    width = max(x.shape[1], y.shape[1])
    layers = []
    for z in (x, y):
        padded = centre(np.pad(z, ((0, 0), (0, width - z.shape[1]))))
        values, vectors = np.linalg.eigh(padded.T @ padded)
        weights = alpha + (1 - alpha) / np.sqrt(np.maximum(values, 1e-7))
        layers.append(padded @ vectors @ np.diag(weights) @ vectors.T)
    rotation, _ = linalg.orthogonal_procrustes(layers[1], layers[0])
    return angle(layers[0], layers[1] @ rotation)


def google_cca(x, y) -> tuple[np.ndarray, np.ndarray]:
    """get_cca_similarity of google/svcca: left singular vectors and all correlations."""
    together = np.cov(x, y, rowvar=False)
    p = x.shape[1]
    product = (
        linalg.sqrtm(np.linalg.pinv(together[:p, :p]))
        @ together[:p, p:]
        @ linalg.sqrtm(np.linalg.pinv(together[p:, p:]))
    )
    u, rho, _ = np.linalg.svd(product.real)
    return u, rho


def google_mean(x, y) -> float:
    """Its "mean": up to the first number of correlations, short of all, with 98 % of the sum."""
    _, rho = google_cca(x, y)
    for kept in range(len(rho)):
        if np.sum(rho[:kept]) >= 0.98 * np.sum(rho):
            return float(np.mean(rho[:kept]))
    return float(np.mean(rho))


def google_pwcca(x, y) -> float:
    """compute_pwcca of google/svcca where X is no wider than Y."""
    u, rho = google_cca(x, y)
    means = x.mean(axis=0)
    directions = (x - means) @ u + means
    q, _ = np.linalg.qr(directions)
    alpha = np.abs(q.T @ x).sum(axis=1)
    return float(alpha @ rho / alpha.sum())


def anatome_svcca(x, y, share=0.99) -> float:
    """svcca_distance of anatome: directions with the means, as many as stay below the share."""
    reduced = []
    for z in (x, y):
        _, lengths, right = np.linalg.svd(z, full_matrices=False)
        kept = np.count_nonzero(np.cumsum(lengths) / np.sum(lengths) < share)
        reduced.append(z @ right[:kept].T)
    q_x, q_y = (np.linalg.qr(centre(z))[0] for z in reduced)
    rho = np.linalg.svd(q_x.T @ q_y, compute_uv=False)
    return float(1 - np.sum(rho) / min(z.shape[1] for z in reduced))


def kornblith_cca(x, y) -> float:
    """The demo of Kornblith et al. 2019: layers as they are."""
    q_x, q_y = np.linalg.qr(x)[0], np.linalg.qr(y)[0]
    return float(np.linalg.norm(q_x.T @ q_y) ** 2 / min(x.shape[1], y.shape[1]))


def _root(square: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(square)
    return vectors @ np.diag(np.sqrt(np.maximum(values, 0))) @ vectors.T


def _inverse_root(square: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(square)
    return vectors @ np.diag(1 / np.sqrt(values)) @ vectors.T
