"""Every layer of one network against every layer of another, or of the network itself."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from repsim.store import Artifact, Store, artifact_key
from repsim.study import Across
from repsim.tasks.across import across_bytes
from repsim.tasks.examples import summary_bytes
from repsim.tasks.specs.comparison import PROCESS_BYTES
from repsim.tasks.specs.layer import LayerSpec

__all__ = ["AcrossSpec", "across_specs"]

# Rises when the stage would compute something else from the same parameters.
ACROSS_VERSION = 1


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
    def key(self) -> str:
        """The key of its tables."""
        parameters = {
            "a": [layer.examples_key(self.across.examples) for layer in self.a],
            "b": [layer.examples_key(self.across.examples) for layer in self.b],
            "features": self.across.features,
        }
        return artifact_key("across", ACROSS_VERSION, parameters)

    def artifact(self, store: Store) -> Artifact:
        """Where its tables are."""
        return Artifact(store, "across", self.key)

    def results(self, store: Store) -> list[Artifact]:
        """What the report reads."""
        return [self.artifact(store)]

    def artifacts(self, store: Store) -> list[Artifact]:
        """Everything that it publishes: what is kept of the examples, and the tables."""
        keys = {layer.examples_key(self.across.examples) for layer in self.layers}
        examples = [Artifact(store, "examples", key) for key in sorted(keys)]
        return [*examples, self.artifact(store)]

    def without(self, failed: Collection[str]) -> "AcrossSpec | None":
        """This without these layers; None where a network is among the failed, given by keys."""
        if any(layer.network.key in failed for layer in self.layers):
            return None
        a, b = (tuple(x for x in side if x.key not in failed) for side in (self.a, self.b))
        return replace(self, a=a, b=b) if a and b else None

    @property
    def memory(self) -> int:
        """Bytes that its largest task needs, its process included."""
        count = min(self.across.examples, self.layers[0].examples)
        deepest, widest = max(len(self.a), len(self.b)), max(x.neurons for x in self.layers)
        summaries = [summary_bytes(count, x.positions, x.neurons) for x in self.layers]
        return PROCESS_BYTES + max(across_bytes(count, deepest, widest), *summaries)


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
