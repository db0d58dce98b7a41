"""Every layer against every other, within and between networks: examples → three tables.

Plain values in, a key out; looks first for its own output, so any engine can run it, at any time.
"""

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import numpy as np

from repsim.across import Identification, NetworkLayers, across_measure, compare_networks
from repsim.errors import IntegrityError
from repsim.examples import Features, LayerExamples
from repsim.store import Artifact, Store
from repsim.tasks.examples import StoredExamples
from repsim.tasks.forms import ACROSS

__all__ = [
    "HEATMAPS",
    "IDENTIFIED",
    "across_bytes",
    "compare_across",
    "stored_across",
]

KIND = "across"
TABLES = "tables.json"

Named = tuple[str, Mapping[str, object]]
"""A measure: its name, and its options."""

Place = tuple[str, str, int, str]
"""Network, layer, depth, and the key of its examples."""

Tables = dict[str, list[dict[str, Any]]]

# Biased, as it is mostly given, and debiased, which holds for flattened maps too.
HEATMAPS: tuple[Named, ...] = (("cka", {"debiased": False}), ("cka", {"debiased": True}))

# What Kornblith et al. 2019 compare in their section 6.1, and what has come into use since.
IDENTIFIED: tuple[Named, ...] = (
    *HEATMAPS,
    ("cca", {}),
    ("svcca", {}),
    ("pwcca", {}),
    ("linear_regression", {}),
    ("procrustes", {}),
    ("rsa", {}),
    ("rbf_cka", {}),
    ("mutual_knn", {}),
)


def compare_across(
    location: str,
    key: str,
    layers: Sequence[Place],
    *,
    features: Sequence[Features] = ("averaged",),
    heatmaps: Sequence[Named] = HEATMAPS,
    identified: Sequence[Named] = IDENTIFIED,
    pairs: Sequence[tuple[str, str]] | None = None,
) -> str:
    """Compare all layers of all networks; returns `key`, under which the tables are published.

    Two networks are in memory at a time (`across_bytes`). Networks may have different layers.

    Parameters
    ----------
    location, key
        The store, and what to publish (kind ``across``).
    layers
        Network, layer, depth and key of its examples (`summarise_layer`), of all networks.
    features
        What stands for feature maps.
    heatmaps
        Measures whose every value is kept, by name and options: linear CKA or measures of examples.
    identified
        Measures of which is kept how often they find the layer of the same name in another network.
        Those of moments take averaged features alone.
    pairs
        Which networks to compare, a network with itself for what is within; by default all.
        `stored_across` puts parts together.

    Raises
    ------
    IntegrityError
        When layers were captured of different examples.
    """
    store = Store(location)
    artifact = Artifact(store, KIND, key)
    if artifact.exists():
        return key
    networks: dict[str, list[Place]] = {place[0]: [] for place in layers}
    for place in sorted(layers, key=lambda place: place[2]):
        networks[place[0]].append(place)
    if pairs is None:
        pairs = list(itertools.combinations_with_replacement(networks, 2))
    compared_labels = dict.fromkeys(itertools.chain(*pairs))
    _check_examples(store, [p for label in compared_labels for p in networks[label]])
    tables: Tables = {"matrices": [], "principal": [], "identification": []}
    for kind in features:
        shown = [across_measure(name, options, kind) for name, options in heatmaps]
        found = [across_measure(name, options, kind) for name, options in identified]
        for label, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
            a = _network(store, networks[label], kind)
            for _, other in group:
                b = a if other == label else _network(store, networks[other], kind)
                places = networks[label], networks[other]
                compared = compare_networks(a, b, shown=shown, identified=found)
                if b is a:
                    tables["principal"] += _principal_rows(a, networks[label])
                for measure, values in compared.values.items():
                    tables["matrices"].append(_matrix(*places, measure, kind, values))
                for measure, identification in compared.identification.items():
                    row = {"measure": measure, "features": kind, **asdict(identification)}
                    tables["identification"].append(row)
    _publish(artifact, tables)
    return key


def stored_across(
    store: Store, keys: Sequence[str]
) -> dict[Literal["across", "principal", "identification"], list[dict[str, Any]]]:
    """The rows published under all `keys`, with the columns of `repsim.results.schemas_across`."""
    tables: Tables = {"matrices": [], "principal": [], "identification": []}
    for key in keys:
        stored = Artifact(store, KIND, key).read_json(TABLES, ACROSS)
        for name in tables:
            tables[name] += stored[name]
    return {
        "across": [row for matrix in tables["matrices"] for row in _matrix_rows(matrix)],
        "principal": tables["principal"],
        "identification": list(_identification_rows(tables["identification"])),
    }


def across_bytes(examples: int, layers: int, neurons: int) -> int:
    """What `compare_across` needs beside its process, at most, for networks of that many layers.

    Inner products of two networks, vectors of a measure of one, averaged features of both; second
    moments of layers of at most `neurons` neurons, with some decompositions each.
    """
    return 8 * layers * (3 * examples**2 + 2 * examples * neurons + 6 * neurons**2) + (
        8 * 6 * examples**2
    )


def _check_examples(store: Store, places: Sequence[Place]) -> None:
    seen: dict[str, str] = {}
    for network, layer, _, key in places:
        stored = StoredExamples(store, key)
        words = f"{stored.count} of {layer} of {network} ({stored.artifact.folder})"
        seen.setdefault(stored.ids, words)
    if len(seen) > 1:
        first, second, *_ = seen.values()
        raise IntegrityError(
            f"Expected the same examples in the same order in all layers. Got {first} and "
            f"{second}, and the lists differ. Delete both folders and run again."
        )


def _network(store: Store, places: Sequence[Place], features: Features) -> NetworkLayers:
    stored = [StoredExamples(store, key) for *_, key in places]
    grams, pooled = [], []
    for examples in stored:
        layer = examples.layer()
        grams.append(layer.features(features))
        # Of the other features nothing stays in memory.
        pooled.append(LayerExamples(pooled=layer.pooled, positions=layer.positions, flattened=None))
    return NetworkLayers(
        names=tuple(layer for _, layer, _, _ in places),
        features=features,
        grams=tuple(grams),
        components=tuple(examples.first_component(features) for examples in stored),
        layers=tuple(pooled),
    )


def _principal_rows(network: NetworkLayers, places: Sequence[Place]) -> Iterator[dict[str, Any]]:
    for (label, layer, depth, _), component in zip(places, network.components, strict=True):
        yield {
            "network": label,
            "layer": layer,
            "depth": depth,
            "features": network.features,
            "first_share": _finite(component.share),
            "examples": len(component.scores),
        }


def _matrix(
    a: Sequence[Place], b: Sequence[Place], measure: str, features: Features, values: np.ndarray
) -> dict[str, Any]:
    """All values of a measure of two networks, without a name repeated."""
    return {
        "network_a": a[0][0],
        "layers_a": [[layer, depth] for _, layer, depth, _ in a],
        "network_b": b[0][0],
        "layers_b": [[layer, depth] for _, layer, depth, _ in b],
        "measure": measure,
        "features": features,
        "values": [[_finite(value) for value in row] for row in values.tolist()],
    }


def _matrix_rows(matrix: dict[str, Any]) -> Iterator[dict[str, Any]]:
    same = {name: matrix[name] for name in ("network_a", "network_b", "measure", "features")}
    for (layer_a, depth_a), values in zip(matrix["layers_a"], matrix["values"], strict=True):
        for (layer_b, depth_b), value in zip(matrix["layers_b"], values, strict=True):
            place = {"layer_a": layer_a, "depth_a": depth_a, "layer_b": layer_b, "depth_b": depth_b}
            yield {**same, **place, "value": value}


def _identification_rows(rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """One row of each measure, over all pairs of networks."""
    found: dict[tuple[str, str], Identification] = {}
    for row in rows:
        counts = {k: v for k, v in row.items() if k not in {"measure", "features"}}
        key = row["measure"], row["features"]
        found[key] = found.get(key, Identification()) + Identification(**counts)
    for (measure, features), identification in found.items():
        low, high = identification.interval()
        yield {
            "measure": measure,
            "features": features,
            "correct": identification.correct,
            "total": identification.total,
            "undefined": identification.undefined,
            "accuracy": _finite(identification.accuracy),
            "chance": _finite(identification.chance),
            "interval_low": _finite(low),
            "interval_high": _finite(high),
        }


def _publish(artifact: Artifact, tables: Tables) -> None:
    draft = artifact.draft()
    draft.write(TABLES, json.dumps(tables, allow_nan=False).encode())
    draft.publish()


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
