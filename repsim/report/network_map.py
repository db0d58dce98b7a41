"""All networks by how far apart they are: a tree, two coordinates, and whether variants cluster."""

from dataclasses import dataclass

import numpy as np

from repsim.report.groups import GroupMeasure, Groups, Ints
from repsim.report.phrasing import code, listing, number
from repsim.report.summary import Floats
from repsim.results.clusters import adjusted_rand, cluster_tree
from repsim.text import count

__all__ = ["NetworkMap", "map_words", "measured", "network_map"]

# With fewer networks there is no tree to speak of.
LEAST_NETWORKS = 4


@dataclass(frozen=True, kw_only=True)
class NetworkMap:
    """Distances of all networks, 1 less the mean similarity over layers."""

    measure: GroupMeasure
    layers: tuple[str, ...]  # Those that every pair has a value for.
    variants: tuple[str, ...]
    networks: tuple[str, ...]
    variant_of: Ints
    distances: Floats  # (networks, networks)
    tree: Floats  # SciPy's linkage: average, leaves in optimal order.
    order: Ints  # Networks as the leaves of the tree stand.
    coordinates: Floats  # (networks, 2), classical scaling.
    share: float  # Of the positive eigenvalues, in these two coordinates.
    silhouettes: Floats  # (variants,), mean over its networks; NaN where a variant has one.
    adjusted_rand: float  # Of as many clusters as variants with the variants; NaN without repeats.


def network_map(groups: Groups) -> NetworkMap | None:
    """The map, or None where not every two of at least four networks have a value in common."""
    measure, networks = groups.overall, len(groups.networks)
    layers = np.flatnonzero(np.isfinite(measure.values).all(axis=0))
    complete = len(groups.first) == networks * (networks - 1) // 2
    if networks < LEAST_NETWORKS or not layers.size or not complete or not measure.similarity:
        return None
    distances = np.zeros((networks, networks))
    distances[groups.first, groups.second] = 1 - measure.values[:, layers].mean(axis=1)
    distances = np.maximum(distances + distances.T, 0.0)
    tree = cluster_tree(distances)
    coordinates, share = _scaled(distances)
    silhouettes = _silhouettes(groups, distances)
    repeated = np.isfinite(silhouettes).any()
    return NetworkMap(
        measure=measure,
        layers=tuple(groups.layers[layer] for layer in layers),
        variants=groups.variants,
        networks=groups.networks,
        variant_of=groups.variant_of,
        distances=distances,
        tree=tree,
        order=_leaves(tree, networks),
        coordinates=coordinates,
        share=share,
        silhouettes=silhouettes,
        adjusted_rand=adjusted_rand(tree, groups.variant_of) if repeated else float("nan"),
    )


def map_words(found: NetworkMap) -> str:
    """Whether the clusters of the tree are the variants, and how well these are apart."""
    if not np.isfinite(found.adjusted_rand):
        return "No variant has two networks, so nothing says whether they cluster by variant."
    variants = len(found.variants)
    exact = found.adjusted_rand > 1 - 1e-9
    words = (
        f"Cut into {variants} clusters, the tree gives the variants exactly (adjusted Rand index 1)"
        if exact
        else f"Cut into {variants} clusters, the tree does not give the variants (adjusted Rand "
        f"index {number(found.adjusted_rand)}; 1 would be the variants, 0 chance)"
    )
    known = np.flatnonzero(np.isfinite(found.silhouettes))
    values = found.silhouettes[known]
    if variants <= 3:
        each = " and ".join(
            f"{number(float(value))} for {code(found.variants[place])}"
            for place, value in zip(known.tolist(), values, strict=True)
        )
        return f"{words}. The mean silhouette is {each}."
    negative = [found.variants[place] for place in known.tolist() if found.silhouettes[place] < 0]
    below = (
        f"; it is below 0 for {listing(negative)}, whose networks are on average nearer to those "
        "of another variant"
        if negative
        else ""
    )
    return (
        f"{words}. The mean silhouette of a variant is {number(float(values.min()))} to "
        f"{number(float(values.max()))}{below}."
    )


def measured(found: NetworkMap) -> str:
    """What the distance is, in words."""
    return (
        f"Distance: 1 less {code(found.measure.convention)} as a mean over "
        f"{count(len(found.layers), 'layer')}."
    )


def _leaves(tree: Floats, networks: int) -> Ints:
    """Networks in the order of the leaves, without SciPy's recursion, which has a limit."""
    members = [[place] for place in range(networks)]
    for left, right in tree[:, :2].astype(int):
        members.append(members[left] + members[right])
    return np.array(members[-1])


def _scaled(distances: Floats) -> tuple[Floats, float]:
    """Two coordinates by classical scaling (Torgerson 1952), and their share."""
    squares = distances**2
    centred = squares - squares.mean(axis=0) - squares.mean(axis=1)[:, None] + squares.mean()
    values, vectors = np.linalg.eigh(-centred / 2)
    largest = np.maximum(values[:-3:-1], 0.0)
    coordinates = vectors[:, :-3:-1] * np.sqrt(largest)
    # The sign of an eigenvector is arbitrary: the first network is left and below.
    coordinates *= np.where(coordinates[0] > 0, -1.0, 1.0)
    total = values[values > 0].sum()
    return coordinates, float(largest.sum() / total) if total > 0 else float("nan")


def _silhouettes(groups: Groups, distances: Floats) -> Floats:
    """Mean silhouette of each variant; NaN where it has one network."""
    sizes = np.bincount(groups.variant_of)
    silhouettes = np.full(len(groups.variants), np.nan)
    if sizes.max() < 2:
        return silhouettes
    # A second of imports, of which a report without variants needs none.
    from sklearn.metrics import silhouette_samples

    each = silhouette_samples(distances, groups.variant_of, metric="precomputed")
    for place in np.flatnonzero(sizes > 1).tolist():
        silhouettes[place] = each[groups.variant_of == place].mean()
    return silhouettes
