"""Running loss and score of an epoch, read from the device in windows."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from repsim.training.ranks import ALONE, Ranks

__all__ = ["RunningMetrics"]

# Reading a number from a GPU waits for all work before it. A window of 50 batches makes the wait
# rare; two seconds keep the progress of slow batches visible. Neither changes any result.
WINDOW_BATCHES = 50
WINDOW_SECONDS = 2.0


@dataclass
class RunningMetrics:
    """Sums over the batches of an epoch so far; those of the open window are still on the device.

    The sums are taken on the host, batch by batch in float64, so they do not depend on where the
    windows or an interruption fell.
    """

    loss_sum: float = 0.0
    tally: float = 0.0
    """Of `repsim.objective.Objective.tally`."""
    examples: int = 0
    _window: list[tuple[Tensor, Tensor, int]] = field(default_factory=list)
    _opened: float = field(default_factory=time.monotonic)

    def add(self, loss: Tensor, tally: Tensor, examples: int) -> None:
        """Note a batch, or this rank's part of it.

        Mean loss () and tally (), both on the device.
        """
        self._window.append((loss.detach(), tally.detach(), examples))

    @property
    def due(self) -> bool:
        """Whether the window is full."""
        late = time.monotonic() - self._opened >= WINDOW_SECONDS
        return len(self._window) >= WINDOW_BATCHES or late

    def read(self, ranks: Ranks = ALONE) -> int | None:
        """Add the window to the sums, those of all ranks; all must have noted the same batches.

        Returns
        -------
        int or None
            How many batches before the window's end the first loss that is not finite was
            (1: the last batch), None if all are finite.
        """
        window, self._window, self._opened = self._window, [], time.monotonic()
        if not window:
            return None
        losses = _read([loss for loss, _, _ in window])
        tallies = _read([tally for _, tally, _ in window])
        counts = [examples for _, _, examples in window]
        batches = np.array([losses, tallies, counts]).T
        batches[:, 0] *= batches[:, 2]
        batches = ranks.sum(batches)
        for loss, tally, examples in batches.tolist():
            self.loss_sum += loss
            self.tally += tally
            self.examples += int(examples)
        bad = np.flatnonzero(~np.isfinite(batches[:, 0]))
        return len(batches) - int(bad[0]) if bad.size else None

    @property
    def loss(self) -> float:
        """Mean loss over the examples read so far."""
        return self.loss_sum / self.examples if self.examples else math.nan

    @property
    def mean_tally(self) -> float:
        """Mean tally over the examples read so far."""
        return self.tally / self.examples if self.examples else math.nan


def _read(scalars: Sequence[Tensor]) -> list[float]:
    values: list[float] = torch.stack(list(scalars)).float().cpu().tolist()
    return values
