"""Networks and their snapshots: what determines one, and how its model and data are had.

Torch is imported by the functions that need it: a process that matches does not.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from repsim.errors import IntegrityError
from repsim.graph import Worker
from repsim.inputs import InputSpec
from repsim.objective import Objective
from repsim.own_code import OwnCode
from repsim.stages.forms import TRAINING
from repsim.store import Artifact, Store, artifact_key
from repsim.study import Component, Course, Model, Network, Seed, Training

if TYPE_CHECKING:
    import torch

    from repsim.data import DataSource

__all__ = [
    "TRAINING_RECORD",
    "WEIGHTS",
    "GivenWeights",
    "NetworkSize",
    "NetworkSpec",
    "check_code",
    "model_of",
    "publish_weights",
    "source_of",
    "stored_weights",
    "trained_model",
]

# Rises when the stage would compute something else from the same parameters.
TRAINING_VERSION = 2
SNAPSHOTS_VERSION = 1

# Of a batch that is not trained on; 2**26 numbers of float32 are 256 MiB.
MOST_EXAMPLES = 256
MOST_LOGITS = 2**26

# The file of a trained network that says how it came about, and that of its weights.
TRAINING_RECORD = "training.json"
WEIGHTS = "weights.pt"


@dataclass(frozen=True, kw_only=True)
class NetworkSize:
    """What its training costs follow from."""

    parameters: int
    operations: int
    """Floating-point operations of one example's way through the network."""
    train: int
    """Examples to train on."""
    test: int
    decodes: bool
    """Whether images are decoded from files, over and over."""
    contiguous: bool = False
    """Whether the examples are the windows of a text, which is trained on in whole batches."""


@dataclass(frozen=True, kw_only=True)
class GivenWeights:
    """Trained weights that somebody else made."""

    model: Model
    """What they are of."""
    outputs: int
    """Logits of the network, which need not be as many as the data set has classes."""
    digest: str
    """Of names, shapes and values: where they lie does not count."""


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """One network, to be trained or with given weights, or a snapshot of it."""

    network: Network
    snapshot: str = ""
    """Its name; empty: the network as it is kept when it is trained."""
    fingerprint: str
    structure: str
    """Digest of the parameters and buffers of the untrained model."""
    model_code: OwnCode | None = None
    """The source of a model of one's own."""
    data_code: OwnCode | None = None
    """The source of a data set of one's own."""
    inputs: InputSpec
    objective: Objective | None
    """None where there are no targets, and so no training."""
    outputs: int | None
    """Of the network, for each example; None where the data do not say."""
    classes: int | None
    size: NetworkSize = field(compare=False)
    given: GivenWeights | None = None
    """None of a network that is trained."""

    @property
    def label(self) -> str:
        """Its name in tables and messages."""
        return f"{self.network.label} at {self.snapshot}" if self.snapshot else self.network.label

    @property
    def data(self) -> Component:
        """The data set that it is trained on."""
        return self.network.data

    @property
    def model(self) -> Model:
        """What it is before it is trained."""
        return self.network.model if self.given is None else self.given.model

    @property
    def training(self) -> Training:
        """How it is trained."""
        return self.network.training

    @cached_property
    def course(self) -> Course:
        """How the training goes through its examples."""
        return self.training.course(self.size.train, whole=self.size.contiguous)

    @cached_property
    def steps(self) -> dict[str, int | None]:
        """Of the snapshots that are kept of the network, by their names."""
        return self.training.snapshots_in(self.course)

    @property
    def step(self) -> int | None:
        """Steps that it is trained for; None of given weights, and of the best state."""
        if self.snapshot:
            return self.steps[self.snapshot]
        if self.given is not None:
            return None
        return self.course.steps if self.training.keep == "last" else None

    @cached_property
    def snapshots(self) -> "tuple[NetworkSpec, ...]":
        """The snapshots that are kept of the network."""
        return tuple(replace(self, snapshot=name) for name in self.steps)

    @property
    def parameters(self) -> dict[str, Any]:
        """Everything that determines the network. Data and weights count by content alone."""
        if self.given is None:
            training = self.training.determining
            seed = self.seed.model_dump(mode="json")
            objective = None if self.objective is None else asdict(self.objective)
            origin: dict[str, Any] = {"training": training, "seed": seed, "objective": objective}
        else:
            origin = {"weights": self.given.digest}
        return {
            "data": {"name": self.data.name, "fingerprint": self.fingerprint},
            "model": {
                "name": self.model.name,
                "options": self.model.options,
                **({} if self.model.output is None else {"output": self.model.output}),
            },
            "code": {what: code.counted for what, code in self.own_codes.items()},
            "structure": self.structure,
            "inputs": asdict(self.inputs),
            "outputs": self.outputs,
            **origin,
        }

    @property
    def batch(self) -> int:
        """Examples that it is given at a time where it is not trained.

        Fewer where it has logits for every token of a large vocabulary, which fill the memory.
        """
        if self.inputs.vocabulary is None:
            return MOST_EXAMPLES
        logits = self.inputs.size * (self.outputs or 1)
        return max(1, min(MOST_EXAMPLES, MOST_LOGITS // logits))

    @property
    def seed(self) -> Seed:
        """Where its randomness comes from, if it is trained."""
        assert self.network.seed is not None, "its weights are given"
        return self.network.seed

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
    def training_key(self) -> str:
        """The key of the network, also of a snapshot of it."""
        return artifact_key("networks", TRAINING_VERSION, self.parameters)

    @cached_property
    def key(self) -> str:
        """The key of its weights."""
        if not self.snapshot:
            return self.training_key
        # By step: "epoch 2" and "last" may be one state.
        state = {"network": self.training_key, "step": self.step}
        return artifact_key("snapshots", SNAPSHOTS_VERSION, state)

    @property
    def folder(self) -> str:
        """Where its weights are in a store."""
        return f"{'snapshots' if self.snapshot else 'networks'}/{self.key}"

    def artifact(self, store: Store) -> Artifact:
        """Its weights."""
        return Artifact.at(store, self.folder)

    def record(self, store: Store) -> dict[str, Any]:
        """How the published network was trained: history, device, precision, parameters."""
        record: dict[str, Any] = self.artifact(store).read_json(TRAINING_RECORD, TRAINING)
        return record


def check_code(spec: NetworkSpec, *, trained: bool) -> None:
    """Refuse code that is not what the network's key says."""
    from repsim.data import DATASETS
    from repsim.models import MODELS

    here_is = {"model": MODELS.code(spec.model.name), "data": DATASETS.code(spec.data.name)}
    names = {"model": spec.model.name, "data": spec.data.name}
    for what, planned in spec.own_codes.items():
        here = here_is[what]
        if here is None or here.digest != planned.digest:
            there = here.files if here else ()
            differ = sorted({file for file, _ in {*there} ^ {*planned.files}})
            raise IntegrityError(
                f"Expected the code of {names[what]!r} as it was when the run was planned. Got "
                f"other code on this node: {', '.join(differ)}. Make every node see the same "
                "code, and run the study again if it was edited meanwhile."
            )
        if planned.stands_for and not trained:
            raise IntegrityError(
                f"Expected {spec.artifact(Store('')).folder}, the network {spec.label} of the "
                f"code {planned.stands_for} that the study accepts. Got nothing: it was damaged "
                "or removed. Run the study again: the code as it is then trains it."
            )


def source_of(spec: NetworkSpec, worker: Worker) -> "DataSource":
    """The data of the network, loaded once by a worker.

    Raises
    ------
    IntegrityError
        When it is not as it was when the run was planned.
    """
    from repsim.data import load_data

    kept = worker.kept.get(spec.fingerprint)
    if kept is not None:
        source: DataSource = kept
        return source
    source = load_data(spec.data.name, spec.data.options)
    if source.fingerprint != spec.fingerprint:
        raise IntegrityError(
            f"Expected the data {spec.data.name!r} as it was when the run was planned. Got other "
            "content on this node. Make every node see the same data. Images that are computed "
            "can differ in their last bits between processors: give the split of your own a "
            "content_digest()."
        )
    worker.kept[spec.fingerprint] = source
    return source


def publish_weights(
    spec: NetworkSpec,
    store: Store,
    state: "Mapping[str, torch.Tensor]",
    record: Mapping[str, Any] | None = None,
) -> None:
    """Publish a state dict as the weights of a network or snapshot, with how it came about."""
    import torch

    weights = io.BytesIO()
    torch.save(state, weights)
    draft = spec.artifact(store).draft()
    draft.write(WEIGHTS, weights.getvalue())
    if record is not None:
        draft.write(TRAINING_RECORD, json.dumps(record).encode())
    draft.publish({"network": spec.label, "parameters": spec.parameters, "code": spec.code_files})


def model_of(spec: NetworkSpec) -> "torch.nn.Module":
    """The network with new weights, drawn from torch's global generator."""
    from repsim.model_layers import structure_digest
    from repsim.models import build_model

    model = build_model(
        spec.model.name,
        spec.model.options,
        inputs=spec.inputs,
        outputs=spec.outputs,
        output=spec.model.output,
    )
    if structure_digest(model) != spec.structure:
        raise IntegrityError(
            f"Expected the model {spec.model.name!r} with the parameters that it had when the run "
            "was planned. Got others on this node. Make every node use the same packages."
        )
    return model


def trained_model(spec: NetworkSpec, store: Store) -> "torch.nn.Module":
    """The network with its published weights, on the CPU.

    Raises
    ------
    IntegrityError
        When the model here, or what was published, is not what was planned for.
    """
    model, artifact = model_of(spec), spec.artifact(store)
    state = stored_weights(artifact)
    with artifact.as_expected(WEIGHTS):
        model.load_state_dict(state)
    return model


def stored_weights(artifact: Artifact) -> "dict[str, torch.Tensor]":
    """The state dict of a published network or snapshot, on the CPU."""
    import torch

    content = io.BytesIO(artifact.read(WEIGHTS))
    with artifact.as_expected(WEIGHTS):
        state: dict[str, torch.Tensor] = torch.load(content, weights_only=True, map_location="cpu")
    return state
