"""The hidden state that a recurrent network carries from one window of a text to the next.

A model that can carry one has ``initial_hidden(batch, device)``, which returns a tuple of tensors
whose second axis is the batch, and an attribute ``hidden``: where that is such a tuple, a forward
pass starts from it and leaves its own last state there, detached; where it is None, every pass
starts anew. Truncated back-propagation through time is this and nothing else.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from repsim.training.ranks import Ranks

__all__ = ["carries", "contiguous_order", "forgotten", "gathered", "narrowed", "start"]


def contiguous_order(examples: int, streams: int) -> np.ndarray:
    """Order of the windows of a text in which window i of a batch goes on in the next one.

    The text is cut into as many streams, of equal length or one longer; a batch has the next window
    of each. The last batch has the windows of the longer streams alone.

    Examples
    --------
    >>> contiguous_order(6, 2).reshape(3, 2).tolist()
    [[0, 3], [1, 4], [2, 5]]
    >>> contiguous_order(5, 2).tolist()
    [0, 3, 1, 4, 2]
    """
    parts = np.array_split(np.arange(examples), max(1, min(streams, examples)))
    steps = range(len(parts[0]))
    order = [part[step] for step in steps for part in parts if step < len(part)]
    return np.array(order, dtype=np.int64)


def carries(model: nn.Module) -> bool:
    """Whether a model can carry a hidden state."""
    return hasattr(model, "initial_hidden")


def start(model: nn.Module, batch: int, device: torch.device) -> None:
    """Let the model carry its hidden state from here on, from the state of no text before it."""
    model.hidden = model.initial_hidden(batch, device)  # type: ignore[operator]


def narrowed(model: nn.Module, batch: int) -> None:
    """Go on with the first streams alone: the others have ended."""
    hidden: Sequence[Tensor] = model.hidden  # type: ignore[assignment]
    if hidden[0].shape[1] != batch:
        model.hidden = tuple(part[:, :batch].contiguous() for part in hidden)  # type: ignore[assignment]


@contextmanager
def forgotten(model: nn.Module) -> Iterator[None]:
    """Start every pass anew in the block; afterwards the model carries what it did before."""
    before = getattr(model, "hidden", None)
    if carries(model):
        model.hidden = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if carries(model):
            model.hidden = before  # type: ignore[assignment]


def gathered(hidden: Sequence[Tensor], batch: int, ranks: Ranks) -> list[Tensor]:
    """The hidden state of the whole batch, on the CPU: each rank has that of its part."""
    mine = ranks.part(np.arange(batch))
    whole = []
    for part in hidden:
        values = np.zeros((part.shape[0], batch, *part.shape[2:]))
        values[:, mine] = part.detach().float().cpu().numpy()
        # Exact: the sum of a float32 and zeros.
        whole.append(torch.from_numpy(ranks.sum(values).astype(np.float32)))
    return whole
