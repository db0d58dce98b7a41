"""A training in the middle: everything that a checkpoint holds, and the way back from one."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn, optim
from torch.optim.swa_utils import AveragedModel

from repsim.study import Seed, Training
from repsim.training.checkpoint import (
    CheckpointFolder,
    decode,
    encode,
)
from repsim.training.history import Epoch
from repsim.training.metrics import RunningMetrics
from repsim.training.optimiser import build_optimiser
from repsim.training.precision import resolve_precision
from repsim.training.ranks import ALONE, Ranks
from repsim.training.streams import seed_torch, stream_seed

__all__ = ["Best", "TrainingState", "cpu_state", "initial_model", "start_or_resume"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Best:
    """The weights of the epoch with the best test score so far."""

    epoch: int
    test_score: float
    weights: dict[str, Tensor]


@dataclass(kw_only=True)
class TrainingState:
    """A network, its optimiser, and the place in the epoch they have come to.

    No generator state is here: randomness is a function of seed, epoch and batch (`streams`).
    """

    model: nn.Module
    optimiser: optim.Optimizer
    scaler: torch.amp.GradScaler
    epoch: int = 1
    batch: int = 0
    """Batches of this epoch that are done."""
    seconds: float = 0.0
    """Spent on this epoch."""
    metrics: RunningMetrics = field(default_factory=RunningMetrics)
    history: list[Epoch] = field(default_factory=list)
    best: Best | None = None
    average: AveragedModel | None = None
    """The mean of the weights over steps, where the training averages and has begun to. Batch
    statistics are the latest."""
    hidden: tuple[Tensor, ...] | None = None
    """What a recurrent model carried when the checkpoint was written, of the whole batch."""
    replica: nn.Module = field(init=False)
    """`model` as it is called in a step, where several ranks train it."""

    def __post_init__(self) -> None:
        self.replica = self.model

    @property
    def kept(self) -> dict[str, Tensor]:
        """A copy of the weights that are kept and evaluated: their average, where there is one."""
        return cpu_state(self.model) if self.average is None else cpu_state(self.average.module)

    def encode(self, *, identity: str, hidden: Sequence[Tensor] | None = None) -> bytes:
        """Checkpoint of this state, in which a recurrent model carries `hidden`.

        The metrics' window must have been read.
        """
        return encode(
            {
                "model": self.model.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "scaler": self.scaler.state_dict(),
                "epoch": self.epoch,
                "batch": self.batch,
                "seconds": self.seconds,
                "loss_sum": self.metrics.loss_sum,
                "tally": self.metrics.tally,
                "examples": self.metrics.examples,
                "history": [asdict(epoch) for epoch in self.history],
                "best": None if self.best is None else vars(self.best).copy(),
                "average": None if self.average is None else self.average.state_dict(),
                "hidden": None if hidden is None else list(hidden),
            },
            identity=identity,
        )

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Become the state that `snapshot` was taken of; after an error the state is unusable."""
        self.model.load_state_dict(snapshot["model"])
        self.optimiser.load_state_dict(snapshot["optimiser"])
        # Empty where the checkpoint was written without loss scaling, on another device.
        if snapshot["scaler"] and self.scaler.is_enabled():
            self.scaler.load_state_dict(snapshot["scaler"])
        self.epoch, self.batch = int(snapshot["epoch"]), int(snapshot["batch"])
        self.seconds = float(snapshot["seconds"])
        self.metrics = RunningMetrics(
            loss_sum=float(snapshot["loss_sum"]),
            tally=float(snapshot["tally"]),
            examples=int(snapshot["examples"]),
        )
        self.history = [Epoch(**epoch) for epoch in snapshot["history"]]
        self.best = None if snapshot["best"] is None else Best(**snapshot["best"])
        # Checkpoints of earlier versions have neither.
        average, hidden = snapshot.get("average"), snapshot.get("hidden")
        if average is not None:
            self.average = AveragedModel(self.model)
            self.average.load_state_dict(average)
        self.hidden = None if hidden is None else tuple(hidden)


def cpu_state(model: nn.Module) -> dict[str, Tensor]:
    """Copy of the model's state dict: contiguous tensors on the CPU."""
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous()
        for name, tensor in model.state_dict().items()
    }


def initial_model(build: Callable[[], nn.Module], seed: Seed) -> nn.Module:
    """The network as `seed.initialisation` makes it, on the CPU whatever it is trained on.

    It sets torch's CPU generator; `streams.isolated_randomness` around it keeps the caller's.
    """
    seed_torch(stream_seed(seed.initialisation, "initialisation"), torch.device("cpu"))
    return build()


def start_or_resume(
    build: Callable[[], nn.Module],
    training: Training,
    seed: Seed,
    *,
    device: torch.device,
    checkpoints: CheckpointFolder | None,
    identity: str,
    usable: Callable[[TrainingState], bool],
    ranks: Ranks = ALONE,
) -> TrainingState:
    """The state of the newest usable checkpoint, or the state before the first batch.

    `usable` refuses states that are intact and too late. Only the first rank reads checkpoints:
    another might find one that was written meanwhile.
    """

    def start() -> TrainingState:
        model = ranks.prepared(initial_model(build, seed).to(device), device)
        # Convolutions are faster: in the default layout every layer would transpose.
        # Torch refuses the whole model where it has a convolution over volumes.
        if all(parameter.ndim != 5 for parameter in model.parameters()):
            model = model.to(memory_format=torch.channels_last)
        scaled = resolve_precision(training, device) == "float16"
        return TrainingState(
            model=model.train(),
            optimiser=build_optimiser(training, model),
            scaler=torch.amp.GradScaler(device.type, enabled=scaled),
        )

    passed_over = 0
    candidates = [] if checkpoints is None or not ranks.first else checkpoints.load()
    for content in ranks.from_first(candidates):
        state = start()
        try:
            state.restore(decode(content, identity=identity))
        # What is signed and of another form fails in as many ways as it can be taken apart.
        except Exception as error:
            logger.warning("A checkpoint is passed over: %s", error)
            passed_over += 1
            continue
        if not usable(state):
            logger.info("A checkpoint is passed over: a snapshot is wanted from before it")
            continue
        logger.info("Resuming in epoch %d, after batch %d", state.epoch, state.batch)
        break
    else:
        if passed_over:
            logger.warning("No checkpoint can be used: the training starts from the beginning")
        state = start()
    state.replica = ranks.replica(state.model, device)
    return state
