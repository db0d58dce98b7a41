"""One network to be trained."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from repsim.store import Artifact, Store, artifact_key
from repsim.study import Component, Model, Network, Training

__all__ = ["TRAINING_RECORD", "NetworkSpec"]

# Rises when the stage would compute something else from the same parameters.
TRAINING_VERSION = 1

# The file of a trained network that says how it came about.
TRAINING_RECORD = "training.json"


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """One network to be trained."""

    network: Network
    data: Component
    fingerprint: str
    model: Model
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
            "model": {
                "name": self.model.name,
                "options": self.model.options,
                **({} if self.model.output is None else {"output": self.model.output}),
            },
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
