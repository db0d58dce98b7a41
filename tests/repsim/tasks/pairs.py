"""A comparison of activations that no network made, so that no torch is needed."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from repsim.store import ActivationWriter, Store
from repsim.study import Capture, Component, Matching, Model, Network, Resampling, Seed, Training
from repsim.tasks import graph
from repsim.tasks.graph import Step, run_steps
from repsim.tasks.specs import ComparisonSpec, LayerSpec, NetworkSpec, tiles_of

EXAMPLES, POSITIONS, NEURONS = 37, 3, 5


def network(seed: int) -> NetworkSpec:
    return NetworkSpec(
        network=Network(variant="", seed=Seed.model_validate(seed)),
        data=Component(name="synthetic"),
        fingerprint="f",
        model=Model(name="small_cnn"),
        structure="s",
        classes=3,
        image_shape=(1, 8, 8),
        training=Training(),
    )


def layer(seed: int) -> LayerSpec:
    return LayerSpec(
        network=network(seed),
        layer="relu",
        depth=0,
        type="ReLU",
        axis=1,
        neurons=NEURONS,
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


def steps_of(store: Store, *comparisons: ComparisonSpec) -> list[Step]:
    """The steps of all tiles of these comparisons."""
    return [step for tile in tiles_of(comparisons) for step in graph.steps_of(store.location, tile)]


def run(steps: list[Step]) -> None:
    """Run the steps; the first error is raised."""
    for _, error in run_steps(steps):
        if error is not None:
            raise error


def make(store: Store, *comparisons: ComparisonSpec) -> None:
    """Make these comparisons, whose activations are there."""
    run(steps_of(store, *comparisons))
