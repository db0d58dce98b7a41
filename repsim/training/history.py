"""What a training tells: where it is, how each epoch went, and the network it ends with."""

from dataclasses import dataclass

from torch import Tensor

__all__ = ["Epoch", "Progress", "TrainedNetwork"]


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One finished epoch."""

    epoch: int
    """1-based."""
    learning_rate: float
    """That of the epoch's first batch."""
    train_loss: float
    """Mean over the epoch's examples, each at the moment it was trained on (augmented)."""
    train_score: float | None
    """Like `train_loss`; see `repsim.objective.Objective.scored`."""
    test_score: float | None
    """After the epoch, in evaluation mode. None where targets are not known."""
    seconds: float
    """Time spent on the epoch, interruptions not counted."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a training is inside an epoch."""

    epoch: int
    epochs: int
    batch: int
    """Batches of this epoch that are done."""
    batches: int
    train_loss: float
    """Mean so far in this epoch."""
    train_score: float | None
    """So far in this epoch."""


@dataclass(frozen=True, kw_only=True)
class TrainedNetwork:
    """Weights to keep, and how they came about."""

    state: dict[str, Tensor]
    """A state dict of contiguous tensors on the CPU."""
    history: tuple[Epoch, ...]
    device: str
    """Type of the device that ended the training, such as ``cuda``."""
    precision: str
    parameters: int
    """Number of parameters."""
    kept_epoch: int
    """The epoch that `state` is from, 1-based; 0 where the network was not trained."""
    best: dict[str, Tensor] | None = None
    """The weights of the best test score, where they were looked for."""
