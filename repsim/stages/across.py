"""Every layer against every other, within and between networks: examples → three tables."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from repsim.across import Identification, NetworkLayers, across_measure, compare_networks
from repsim.errors import IntegrityError
from repsim.examples import Features, LayerExamples
from repsim.graph import PROCESS_BYTES, Cost, Node, Product, on_store
from repsim.stages.activations import LayerSpec
from repsim.stages.examples import StoredExamples, examples_folder
from repsim.stages.forms import ACROSS, finite
from repsim.stages.measures import EXAMPLES_OPERATIONS
from repsim.store import Artifact, Store, artifact_folder
from repsim.study import Across

if TYPE_CHECKING:
    from repsim.stages.plan import StudyPlan

__all__ = [
    "HEATMAPS",
    "IDENTIFIED",
    "AcrossSpec",
    "across_bytes",
    "across_specs",
    "compare_across",
    "nodes",
    "stored_across",
]

KINDS = ("across",)

# Rises when the stage would compute something else from the same parameters.
ACROSS_VERSION = 1

# Of a measure of two layers, in third powers of their neurons: `python -m tests.benchmarks`.
ACROSS_OPERATIONS = 4

TABLES = "tables.json"

Named = tuple[str, Mapping[str, object]]
"""A measure: its name, and its options."""

Place = tuple[str, str, int, str]
"""Network, layer, depth, and where the summary of its examples is."""

Tables = dict[str, list[dict[str, Any]]]

# Measures whose every value is kept. Biased, as it is mostly given, and debiased, which holds for
# flattened maps too.
HEATMAPS: tuple[Named, ...] = (("cka", {"debiased": False}), ("cka", {"debiased": True}))

# Measures of which is kept how often they find the layer of the same name in another network: what
# Kornblith et al. 2019 compare in their section 6.1, and what has come into use since.
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


@dataclass(frozen=True, kw_only=True)
class AcrossSpec:
    """The layers of two networks, which may be one and the same, in order of depth."""

    a: tuple[LayerSpec, ...]
    b: tuple[LayerSpec, ...]
    across: Across

    @property
    def label(self) -> str:
        """Its name in messages."""
        return f"{self.a[0].network.label} / {self.b[0].network.label}, across layers"

    @cached_property
    def layers(self) -> tuple[LayerSpec, ...]:
        """All layers whose examples are needed."""
        return tuple({layer.key: layer for layer in (*self.a, *self.b)}.values())

    @cached_property
    def folder(self) -> str:
        """Where its tables are."""
        parameters = {
            "a": [examples_folder(layer, self.across.examples) for layer in self.a],
            "b": [examples_folder(layer, self.across.examples) for layer in self.b],
            "features": self.across.features,
            **({"measures": self.across.measures} if self.across.measures else {}),
        }
        return artifact_folder("across", ACROSS_VERSION, parameters)

    def without(self, failed: Collection[str]) -> "AcrossSpec | None":
        """This without the layers whose activations are among `failed`; None if none is left."""
        a, b = (tuple(x for x in side if x.folder not in failed) for side in (self.a, self.b))
        return replace(self, a=a, b=b) if a and b else None

    @property
    def memory(self) -> int:
        """Bytes that it needs, its process included."""
        count = min(self.across.examples, self.layers[0].examples)
        deepest, widest = max(len(self.a), len(self.b)), max(x.neurons for x in self.layers)
        return PROCESS_BYTES + across_bytes(count, deepest, widest)

    @property
    def operations(self) -> int:
        """Floating-point operations that it takes."""
        examples = min(self.across.examples, self.layers[0].examples)
        pairs = sum(
            ACROSS_OPERATIONS * (a.neurons + b.neurons) ** 3 + EXAMPLES_OPERATIONS * examples**2
            for a in self.a
            for b in self.b
        )
        return len(self.across.features) * pairs


def across_specs(
    layers: Mapping[str, Sequence[LayerSpec]], pairs: Sequence[tuple[str, str]], across: Across
) -> tuple[AcrossSpec, ...]:
    """Each network with itself, and each pair; nothing where a study asks for none.

    Parameters
    ----------
    layers
        Of each network, by its label.
    pairs
        Labels of the networks that are compared.
    across
        What the study says of it.
    """
    if not across.examples:
        return ()
    both = [*((label, label) for label in layers), *pairs]
    return tuple(AcrossSpec(a=tuple(layers[a]), b=tuple(layers[b]), across=across) for a, b in both)


def nodes(plan: "StudyPlan") -> Iterator[Node]:
    """A node for each network with itself, and for each pair."""
    for spec in plan.across:
        yield Node(
            task="across",
            label=spec.label,
            makes=(Product(folder=spec.folder, label=spec.label, result=True),),
            needs=tuple(examples_folder(layer, spec.across.examples) for layer in spec.layers),
            make=on_store(_compare, spec),
            share=spec.folder,
            memory=spec.memory,
            cost=Cost(operations=spec.operations),
        )


def _compare(store: Store, spec: AcrossSpec) -> None:
    a, b = (
        [
            (x.network.label, x.layer, x.depth, examples_folder(x, spec.across.examples))
            for x in side
        ]
        for side in (spec.a, spec.b)
    )
    across = spec.across
    compare_across(store, spec.folder, a, b, features=across.features, measures=across.measures)


def compare_across(
    store: Store,
    folder: str,
    a: Sequence[Place],
    b: Sequence[Place],
    *,
    features: Sequence[Features] = ("averaged",),
    measures: Sequence[str] = (),
) -> None:
    """Compare all layers of two networks, or of one with itself, and publish the tables.

    Parameters
    ----------
    store, folder
        The store, and what to publish (``across/key``).
    a, b
        The layers of each network in order of depth: network, layer, depth, and where the summary
        of its examples is. They may have different layers.
    features
        What stands for feature maps.
    measures
        Names of those of which every value is kept, beside `HEATMAPS`.

    Raises
    ------
    IntegrityError
        When layers were captured of different examples.
    """
    _check_examples(store, list(dict.fromkeys((*a, *b))))
    tables: Tables = {"matrices": [], "principal": [], "identification": []}
    for kind in features:
        kept: list[Named] = [*HEATMAPS, *((name, {}) for name in measures)]
        shown = [across_measure(name, options, kind) for name, options in kept]
        found = [across_measure(name, options, kind) for name, options in IDENTIFIED]
        first = _network(store, a, kind)
        second = first if a[0][0] == b[0][0] else _network(store, b, kind)
        compared = compare_networks(first, second, shown=shown, identified=found)
        if second is first:
            tables["principal"] += _principal_rows(first, a)
        for measure, values in compared.values.items():
            tables["matrices"].append(_matrix(a, b, measure, kind, values))
        for measure, identification in compared.identification.items():
            row = {"measure": measure, "features": kind, **asdict(identification)}
            tables["identification"].append(row)
    draft = Artifact.at(store, folder).draft()
    draft.write(TABLES, json.dumps(tables, allow_nan=False).encode())
    draft.publish()


def stored_across(
    store: Store, folders: Sequence[str]
) -> dict[Literal["across", "principal", "identification"], list[dict[str, Any]]]:
    """The rows published in all `folders`, with the columns of `repsim.results.schemas_across`."""
    tables: Tables = {"matrices": [], "principal": [], "identification": []}
    for folder in folders:
        stored = Artifact.at(store, folder).read_json(TABLES, ACROSS)
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
    for network, layer, _, folder in places:
        stored = StoredExamples(Artifact.at(store, folder))
        words = f"{stored.count} of {layer} of {network} ({stored.artifact.folder})"
        seen.setdefault(stored.ids, words)
    if len(seen) > 1:
        first, second, *_ = seen.values()
        raise IntegrityError(
            f"Expected the same examples in the same order in all layers. Got {first} and "
            f"{second}, and the lists differ. Delete both folders and run again."
        )


def _network(store: Store, places: Sequence[Place], features: Features) -> NetworkLayers:
    stored = [StoredExamples(Artifact.at(store, folder)) for *_, folder in places]
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
            "first_share": finite(component.share),
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
        "values": [[finite(value) for value in row] for row in values.tolist()],
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
            "accuracy": finite(identification.accuracy),
            "chance": finite(identification.chance),
            "interval_low": finite(low),
            "interval_high": finite(high),
        }
