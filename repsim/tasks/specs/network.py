"""One network to be trained."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from repsim.own_code import OwnCode
from repsim.store import Artifact, Store, artifact_key
from repsim.study import Component, Model, Network, Training
from repsim.tasks.forms import TRAINING

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
    structure: str
    """Digest of the parameters and buffers of the untrained model."""
    model_code: OwnCode | None = None
    """The source of a model of one's own."""
    data_code: OwnCode | None = None
    """The source of a data set of one's own."""
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
            "code": {what: code.counted for what, code in self.own_codes.items()},
            "structure": self.structure,
            "classes": self.classes,
            "image_shape": self.image_shape,
            "training": self.training.model_dump(mode="json"),
            "seed": self.network.seed.model_dump(mode="json"),
        }

    @property
    def own_codes(self) -> dict[str, OwnCode]:
        """The code of one's own that determines it, of the ``model`` and of the ``data``."""
        codes = {"model": self.model_code, "data": self.data_code}
        return {what: code for what, code in codes.items() if code is not None}

    @property
    def code_files(self) -> dict[str, dict[str, str]]:
        """Of each of `own_codes`, its files and their digests: what a record says."""
        return {what: dict(code.files) for what, code in self.own_codes.items()}

    @cached_property
    def key(self) -> str:
        """The key of the trained network."""
        return artifact_key("networks", TRAINING_VERSION, self.parameters)

    def artifact(self, store: Store) -> Artifact:
        """Where the trained network is."""
        return Artifact(store, "networks", self.key)

    def record(self, store: Store) -> dict[str, Any]:
        """How the published network was trained: history, device, precision, parameters."""
        record: dict[str, Any] = self.artifact(store).read_json(TRAINING_RECORD, TRAINING)
        return record
