"""Literal, slow implementations of the measures of examples, independent of the package.

They work on the features, example by example. Arrays are examples × neurons.
"""

import itertools

import numpy as np
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr, spearmanr

DISTANCES = {
    "euclidean": "euclidean",
    "squared euclidean": "sqeuclidean",
    "correlation": "correlation",
    "cosine": "cosine",
}


def literal_rsa(x: np.ndarray, y: np.ndarray, distance: str, comparison: str) -> float:
    """Correlation of the two lists of distances."""
    correlate = spearmanr if comparison == "spearman" else pearsonr
    return float(correlate(pdist(x, DISTANCES[distance]), pdist(y, DISTANCES[distance])).statistic)


def literal_rbf_kernel(x: np.ndarray, fraction: float, *, diagonal: bool) -> np.ndarray:
    """Kornblith et al. 2019: the bandwidth is a fraction of the median distance."""
    n = len(x)
    squares = np.array([[np.sum((x[i] - x[j]) ** 2) for j in range(n)] for i in range(n)])
    among = [squares[i, j] for i in range(n) for j in range(n) if diagonal or i != j]
    return np.exp(-squares / (2 * fraction**2 * np.median(among)))


def literal_hsic(k: np.ndarray, m: np.ndarray) -> float:
    """Kornblith et al. 2019, equation 3: the biased estimate."""
    n = len(k)
    centre = np.eye(n) - 1 / n
    return float(np.trace(k @ centre @ m @ centre) / (n - 1) ** 2)


def literal_hsic_1(k: np.ndarray, m: np.ndarray) -> float:
    """Song et al. 2012: the unbiased estimate, as a mean over sets of distinct examples.

    The three terms are means of k_ij m_ij over pairs, of k_ij m_uv over quadruples, and of
    k_ij m_iu over triples.
    """
    n = len(k)
    pairs = np.mean([k[i, j] * m[i, j] for i, j in itertools.permutations(range(n), 2)])
    triples = np.mean([k[i, j] * m[i, u] for i, j, u in itertools.permutations(range(n), 3)])
    quadruples = np.mean([k[i, j] * m[u, v] for i, j, u, v in itertools.permutations(range(n), 4)])
    return float(pairs + quadruples - 2 * triples)


def literal_alignment(k: np.ndarray, m: np.ndarray, *, debiased: bool) -> float:
    """CKA of two kernels."""
    hsic = literal_hsic_1 if debiased else literal_hsic
    return hsic(k, m) / float(np.sqrt(hsic(k, k) * hsic(m, m)))


def literal_minibatch_cka(x: np.ndarray, y: np.ndarray, batch: int) -> float:
    """Nguyen et al. 2020: add up over batches, then divide once."""
    sums = np.zeros(3)
    for start in range(0, len(x), batch):
        a, b = x[start : start + batch], y[start : start + batch]
        k, m = a @ a.T, b @ b.T
        sums += [literal_hsic_1(k, m), literal_hsic_1(k, k), literal_hsic_1(m, m)]
    return float(sums[0] / np.sqrt(sums[1] * sums[2]))


def literal_neighbours(x: np.ndarray, k: int, distance: str) -> list[dict[int, float]]:
    """For each example the share with which others are among its k nearest, ties by chance."""
    found = []
    for i in range(len(x)):
        far = {}
        for j in set(range(len(x))) - {i}:
            if distance == "cosine":
                lengths = np.linalg.norm(x[i]) * np.linalg.norm(x[j])
                apart = 1 - x[i] @ x[j] / lengths if lengths else 1.0
            else:
                apart = np.linalg.norm(x[i] - x[j])
            far[j] = round(float(apart), 9)
        last = sorted(far.values())[k - 1]
        nearer = [j for j in far if far[j] < last]
        tied = [j for j in far if far[j] == last]
        share = (k - len(nearer)) / len(tied)
        found.append(dict.fromkeys(nearer, 1.0) | dict.fromkeys(tied, share))
    return found


def literal_mutual_knn(x: np.ndarray, y: np.ndarray, k: int, distance: str) -> float:
    """Huh et al. 2024: the mean share of common neighbours."""
    both = zip(literal_neighbours(x, k, distance), literal_neighbours(y, k, distance), strict=True)
    common = [sum(a[j] * b[j] for j in a.keys() & b.keys()) for a, b in both]
    return float(np.mean(common) / k)
