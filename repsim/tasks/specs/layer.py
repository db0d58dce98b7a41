"""The activations of one layer of one network."""

from dataclasses import dataclass
from functools import cached_property

from repsim.store import Artifact, Store, artifact_key, examples_per_file
from repsim.study import Capture
from repsim.tasks.specs.network import NetworkSpec

__all__ = ["LayerSpec"]

# Each rises when its stage would compute something else from the same parameters.
CAPTURE_VERSION = 3
EXAMPLES_VERSION = 2


@dataclass(frozen=True, kw_only=True)
class LayerSpec:
    """The activations of one layer of one network."""

    network: NetworkSpec
    layer: str
    depth: int
    type: str
    axis: int
    """Of the channels in the layer's output, the batch being axis 0."""
    neurons: int
    total_positions: int
    examples: int
    capture: Capture
    labelled: bool = False
    """Whether the class of each example is known."""

    @property
    def label(self) -> str:
        """Its name in messages."""
        return f"{self.network.label}, {self.layer}"

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

    @cached_property
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
        capture = self.capture.model_dump(mode="json", exclude={"layers", "axes"})
        return artifact_key(
            "activations",
            CAPTURE_VERSION,
            {
                "network": self.network.key,
                "layer": self.layer,
                "axis": self.axis,
                "capture": capture,
            },
        )

    def artifact(self, store: Store) -> Artifact:
        """Where the activations are."""
        return Artifact(store, "activations", self.key)

    def examples_key(self, examples: int) -> str:
        """The key of what is kept of the first `examples` examples, each as a whole."""
        parameters = {"activations": self.key, "examples": min(examples, self.examples)}
        return artifact_key("examples", EXAMPLES_VERSION, parameters)
