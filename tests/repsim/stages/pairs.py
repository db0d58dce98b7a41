"""A comparison of activations that no network made, so that no torch is needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from types import SimpleNamespace

import numpy as np

from repsim.graph import Graph, Node, Worker, run_batch
from repsim.inputs import InputSpec
from repsim.objective import Objective
from repsim.stages import graph_of
from repsim.stages.activations import LayerSpec
from repsim.stages.comparison import ComparisonSpec
from repsim.stages.networks import NetworkSize, NetworkSpec
from repsim.stages.tiles import tiles_of
from repsim.store import ActivationWriter, Artifact, Store
from repsim.study import Capture, Component, Matching, Model, Network, Resampling, Seed, Training

EXAMPLES, POSITIONS, NEURONS = 37, 3, 5


def network(seed: int) -> NetworkSpec:
    return NetworkSpec(
        network=Network(
            seed=Seed.model_validate(seed),
            data=Component(name="synthetic"),
            model=Model(name="small_cnn"),
            training=Training(),
        ),
        fingerprint="f",
        structure="s",
        inputs=InputSpec(shape=(1, 8, 8)),
        objective=Objective(loss="cross_entropy", outputs=3, score="accuracy"),
        outputs=3,
        classes=3,
        size=NetworkSize(parameters=1, operations=1, train=EXAMPLES, test=EXAMPLES, decodes=False),
    )


def layer(seed: int) -> LayerSpec:
    return LayerSpec(
        network=network(seed),
        layer="relu",
        depth=0,
        type="ReLU",
        axis=1,
        total_neurons=NEURONS,
        total_positions=POSITIONS,
        examples=EXAMPLES,
        capture=Capture(),
        labelled=True,
    )


def labels() -> list[int]:
    """The classes of the examples."""
    return [i % 3 for i in range(EXAMPLES)]


def ids(prefix: str = "test") -> list[str]:
    return [f"{prefix}/{i}" for i in range(EXAMPLES)]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A comparison with the arrays (examples, positions, neurons) that are in the store."""

    store: Store
    spec: ComparisonSpec
    x: np.ndarray
    y: np.ndarray

    @property
    def samples(self) -> tuple[np.ndarray, np.ndarray]:
        """Both as samples × neurons."""
        return self.x.reshape(-1, NEURONS), self.y.reshape(-1, NEURONS)


def write(store: Store, spec: LayerSpec, values: np.ndarray, names: list[str]) -> None:
    writer = ActivationWriter(
        spec.artifact(store),
        layer=spec.layer,
        ids=names,
        labels=labels(),
        positions=POSITIONS,
        neurons=NEURONS,
        dtype="float32",
    )
    writer.append(values)
    writer.publish({})


def make_pair(
    store: Store,
    names: tuple[list[str], list[str]] | None = None,
    *,
    centred: bool = False,
    permutations: int = 5,
) -> Pair:
    """Two layers with much in common, and a dead neuron each, written to `store`."""
    generator = np.random.default_rng(0)
    x = np.maximum(generator.normal(size=(EXAMPLES, POSITIONS, NEURONS)), 0)
    y = np.maximum(x[..., ::-1] + 0.3 * generator.normal(size=x.shape), 0)
    x[..., 1] = y[..., 4] = 0
    first, second = names or (ids(), ids())
    values = x.astype(np.float32), y.astype(np.float32)
    spec = ComparisonSpec(
        x=layer(0),
        y=layer(1),
        matching=Matching(epsilons=(0.1, 0.3, 0.6), centred=centred),
        measures=(Component(name="cka"),),
        resampling=Resampling(permutations=permutations, groups=6),
    )
    write(store, spec.x, values[0], first)
    write(store, spec.y, values[1], second)
    return Pair(store=store, spec=spec, x=values[0], y=values[1])


def make_many(store: Store, networks: int) -> list[ComparisonSpec]:
    """All pairs of so many networks at one layer, written to `store`."""
    generator = np.random.default_rng(0)
    shared = generator.normal(size=(EXAMPLES, POSITIONS, NEURONS))
    layers = [layer(seed) for seed in range(networks)]
    for one in layers:
        values = np.maximum(shared + generator.normal(size=shared.shape), 0)
        write(store, one, values.astype(np.float32), ids())
    return [
        ComparisonSpec(
            x=x,
            y=y,
            matching=Matching(epsilons=(0.3, 0.6)),
            measures=(Component(name="cka"),),
            resampling=Resampling(permutations=3, groups=5),
        )
        for x, y in combinations(layers, 2)
    ]


def graph_of_comparisons(*comparisons: ComparisonSpec) -> Graph:
    """The graph of these comparisons, whose activations nothing makes."""
    return graph_of(
        SimpleNamespace(  # type: ignore[arg-type]
            **{"networks": (), "snapshots": (), "analyses": ()},
            **{"layers": {}, "across": (), "examples": (0, 0)},
            comparisons=comparisons,
            tiles=tiles_of(comparisons),
        )
    )


def nodes_of(store: Store, *comparisons: ComparisonSpec) -> list[Node]:
    """What is missing of these comparisons."""
    graph = graph_of_comparisons(*comparisons)
    folders = {layer.folder for spec in comparisons for layer in spec.layers} | set(graph.products)
    return graph.missing({f for f in folders if Artifact.at(store, f).exists()})


def run(store: Store, nodes: Sequence[Node]) -> None:
    """Run the nodes; the first error is raised."""
    for error in run_batch(store, nodes, (), Worker()).values():
        raise error


def make(store: Store, *comparisons: ComparisonSpec) -> None:
    """Make these comparisons, whose activations are there."""
    run(store, nodes_of(store, *comparisons))
