"""Clusters of networks by their distances."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform

__all__ = ["adjusted_rand", "cluster_tree"]

Floats = npt.NDArray[np.float64]


def cluster_tree(distances: Floats) -> Floats:
    """SciPy's linkage of networks × networks: average linkage, leaves in optimal order."""
    condensed = squareform(distances, checks=False)
    tree: Floats = optimal_leaf_ordering(linkage(condensed, method="average"), condensed)
    return tree


def adjusted_rand(tree: Floats, groups: Sequence[int] | npt.NDArray[np.intp]) -> float:
    """Adjusted Rand index of the groups with as many clusters of the tree; 1: they are the same."""
    # A second of imports, of which a report without variants needs none.
    from sklearn.metrics import adjusted_rand_score

    clusters = fcluster(tree, len(set(groups)), criterion="maxclust")
    return float(adjusted_rand_score(groups, clusters))
