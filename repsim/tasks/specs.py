"""What is to be made, as plain values: a network, a layer's activations, a comparison.

Each has the key of its artifact: a digest of everything that determines the result. Paths, devices
and engines are not in it. No torch here: the processes that match do not need it.
"""

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from repsim.store import Artifact, Store, artifact_key, examples_per_file
from repsim.study import Capture, Component, Matching, Network, Study, Training

__all__ = ["TRAINING_RECORD", "ComparisonSpec", "LayerSpec", "NetworkSpec", "StudyPlan"]

# Each rises when its stage would compute something else from the same parameters.
TRAINING_VERSION = 1
CAPTURE_VERSION = 1
MOMENTS_VERSION = 1
PROFILE_VERSION = 1
MATCHES_VERSION = 1
SIMPLE_VERSION = 1

# The file of a trained network that says how it came about.
TRAINING_RECORD = "training.json"

# A task that reduces activations takes some ten seconds, at some 3e10 operations a second: long
# beside the writing of its moments, which are large for wide layers.
OPERATIONS_PER_TASK = 4e11

# All minimal matches of 256 + 256 neurons on one core, and about the third power of the width
# beyond (4.5 s, and 26 s for 512 + 512: `python -m tests.benchmarks`).
SECONDS_FOR_512_NEURONS = 4.5
SECONDS_PER_TASK = 30.0

# A process that has imported what matching needs.
PROCESS_BYTES = 110 * 2**20


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """One network to be trained."""

    network: Network
    data: Component
    fingerprint: str
    model: Component
    classes: int
    image_shape: tuple[int, int, int]
    training: Training

    @property
    def label(self) -> str:
        """Its name in tables and messages."""
        return self.network.label

    @property
    def parameters(self) -> dict[str, Any]:
        """Everything that determines the network. The data counts by content, not by place."""
        return {
            "data": {"name": self.data.name, "fingerprint": self.fingerprint},
            "model": {"name": self.model.name, "options": self.model.options},
            "classes": self.classes,
            "image_shape": self.image_shape,
            "training": self.training.model_dump(mode="json"),
            "seed": self.network.seed.model_dump(mode="json"),
        }

    @cached_property
    def key(self) -> str:
        """The key of the trained network."""
        return artifact_key("networks", TRAINING_VERSION, self.parameters)

    def artifact(self, store: Store) -> Artifact:
        """Where the trained network is."""
        return Artifact(store, "networks", self.key)

    def record(self, store: Store) -> dict[str, Any]:
        """How the published network was trained: history, device, precision, parameters."""
        record: dict[str, Any] = json.loads(self.artifact(store).read(TRAINING_RECORD))
        return record


@dataclass(frozen=True, kw_only=True)
class LayerSpec:
    """The activations of one layer of one network."""

    network: NetworkSpec
    layer: str
    depth: int
    type: str
    neurons: int
    total_positions: int
    examples: int
    capture: Capture

    @property
    def positions(self) -> int:
        """Positions that are kept of each example."""
        asked = self.capture.positions
        return self.total_positions if asked == "all" else min(asked, self.total_positions)

    @property
    def bytes(self) -> int:
        """Size of the activations, before compression."""
        width = 2 if self.capture.dtype == "float16" else 4
        return self.examples * self.positions * self.neurons * width

    @property
    def examples_per_shard(self) -> int:
        """How many examples a file of the activations holds."""
        return examples_per_file(
            self.examples,
            positions=self.positions,
            neurons=self.neurons,
            dtype=self.capture.dtype,
        )[1]

    @cached_property
    def key(self) -> str:
        """The key of the activations."""
        capture = self.capture.model_dump(mode="json", exclude={"layers"})
        return artifact_key(
            "activations",
            CAPTURE_VERSION,
            {"network": self.network.key, "layer": self.layer, "capture": capture},
        )

    def artifact(self, store: Store) -> Artifact:
        """Where the activations are."""
        return Artifact(store, "activations", self.key)


@dataclass(frozen=True, kw_only=True)
class ComparisonSpec:
    """One layer of one pair of networks."""

    x: LayerSpec
    y: LayerSpec
    matching: Matching
    measures: tuple[Component, ...] = field(default=())

    @property
    def label(self) -> str:
        """Its name in messages."""
        return f"{self.x.network.label} / {self.y.network.label}, {self.x.layer}"

    @property
    def example_ranges(self) -> list[tuple[int, int]]:
        """Ranges of examples that are reduced by one task each, whole shards all."""
        x, y = self.x, self.y
        per_shard = min(x.examples_per_shard, y.examples_per_shard)
        operations = x.positions * (x.neurons + y.neurons) ** 2
        shards = max(1, round(OPERATIONS_PER_TASK / (operations * per_shard)))
        step = shards * per_shard
        return [(first, min(first + step, x.examples)) for first in range(0, x.examples, step)]

    @property
    def memory(self) -> int:
        """Bytes that the largest task of this comparison needs, its process included.

        Fitted to measured peaks; `tests/repsim/tasks/test_memory.py` holds it to a factor of 1.5.
        """
        p, q = self.x.neurons, self.y.neurons
        per_shard = max(
            side.examples_per_shard * side.bytes // side.examples for side in (self.x, self.y)
        )
        square = 8 * (p + q) ** 2
        reducing = 9 * per_shard + 1.5 * square
        profiling = 5 * square
        return int(max(reducing, profiling)) + PROCESS_BYTES

    @cached_property
    def moments_key(self) -> str:
        """The key of the moments over all examples."""
        return self.partial_key(0, self.x.examples)

    def partial_key(self, start: int, stop: int) -> str:
        """The key of the moments over a range of examples."""
        parameters = {"x": self.x.key, "y": self.y.key, "start": start, "stop": stop}
        return artifact_key("moments", MOMENTS_VERSION, parameters)

    @cached_property
    def profile_key(self) -> str:
        """The key of the match profile: it holds for every ε."""
        parameters = {"moments": self.moments_key, "centred": self.matching.centred}
        return artifact_key("profiles", PROFILE_VERSION, parameters)

    @property
    def simple_options(self) -> dict[str, Any]:
        """How simple matches are looked for."""
        matching = self.matching
        # Without restarts no order is drawn, and the seed decides nothing.
        seed = matching.seed if matching.restarts else 0
        return {"centred": matching.centred, "restarts": matching.restarts, "seed": seed}

    @property
    def simple_parts(self) -> int:
        """How many tasks the simple matches of one ε are worth."""
        neurons = self.x.neurons + self.y.neurons
        runs = 1 + self.matching.restarts
        seconds = runs * SECONDS_FOR_512_NEURONS * (neurons / 512) ** 3
        return max(1, min(neurons // 2, round(seconds / SECONDS_PER_TASK)))

    def simple_key(self, epsilon: float, part: tuple[int, int] | None = None) -> str:
        """The key of the simple matches at one ε, or of those of part of the neurons."""
        parameters = {
            "moments": self.moments_key,
            "epsilon": epsilon,
            "part": part,
            **self.simple_options,
        }
        return artifact_key("simple", SIMPLE_VERSION, parameters)

    @cached_property
    def key(self) -> str:
        """The key of the rows of the report."""
        parameters: dict[str, Any] = {
            "profile": self.profile_key,
            "epsilons": self.matching.epsilons,
            "simple": [self.simple_key(epsilon) for epsilon in self.matching.minimal_at],
            "measures": [measure.model_dump(mode="json") for measure in self.measures],
        }
        return artifact_key("matches", MATCHES_VERSION, parameters)

    def artifact(self, store: Store) -> Artifact:
        """Where the rows are."""
        return Artifact(store, "matches", self.key)

    def results(self, store: Store) -> list[Artifact]:
        """What the report reads; a comparison is complete when all of it is there."""
        return [
            Artifact(store, "profiles", self.profile_key),
            *(Artifact(store, "simple", self.simple_key(e)) for e in self.matching.minimal_at),
            self.artifact(store),
        ]

    def artifacts(self, store: Store) -> list[Artifact]:
        """Everything that it publishes: the moments, and what the report reads."""
        return [Artifact(store, "moments", self.moments_key), *self.results(store)]


@dataclass(frozen=True, kw_only=True)
class StudyPlan:
    """Everything that a study takes."""

    study: Study
    networks: tuple[NetworkSpec, ...]
    layers: dict[str, tuple[LayerSpec, ...]]
    """Those that are captured of each network, by its label, in order of depth."""
    comparisons: tuple[ComparisonSpec, ...]
    parameters: int
    """Trainable numbers of each network."""
