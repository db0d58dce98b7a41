"""Score of a network on a split, and the mode in which networks are looked at."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from repsim.data import Split
from repsim.objective import Objective
from repsim.training.carried import carries, contiguous_order, forgotten, narrowed, start
from repsim.training.precision import Precision, autocast, repeatable_kernels
from repsim.training.ranks import ALONE, Ranks

__all__ = ["evaluate", "evaluation_mode"]


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside the block; afterwards every module has its own mode back."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def evaluate(
    model: nn.Module,
    split: Split,
    objective: Objective,
    *,
    device: torch.device,
    precision: Precision = "float32",
    batch_size: int = 256,
    workers: int = 0,
    ranks: Ranks = ALONE,
) -> float | None:
    """The score of a model on a split, without augmentation.

    A text is read in `batch_size` streams, through which a recurrent model carries its hidden
    state.

    Parameters
    ----------
    model
        Gives outputs (examples, outputs); it must be on `device`.
    objective
        What it was trained for; it has the score.
    precision
        float32 (never TF32), or the mixed precision of the training.
    ranks
        Each answers its part of the split; all get the score of the whole.

    Returns
    -------
    float or None
        See `Objective.scored`; None where the targets of the split are not known, or numbers that
        do not vary.
    """
    if not split.has_targets:
        return None
    tallies = []
    carry = split.contiguous and carries(model)
    mine, at_a_time = ranks.part(np.arange(len(split))), batch_size
    if split.contiguous:
        # The same streams in any number of ranks, each of which reads some of them.
        streams = np.array_split(np.arange(len(split)), min(batch_size, len(split)))
        own = ranks.part(np.arange(len(streams)))
        mine = np.concatenate([np.arange(0), *(streams[stream] for stream in own)])
        at_a_time = max(len(own), 1)
        mine = mine[contiguous_order(len(mine), at_a_time)]
    batches = split.batches(
        mine,
        batch_size=at_a_time,
        augmentation=None,
        device=device,
        workers=workers,
    )
    with evaluation_mode(model), repeatable_kernels(), forgotten(model):
        if carry and len(mine):
            start(model, at_a_time, device)
        # The batches are made outside inference mode: a split may keep its tensors, and
        # inference tensors could not be trained on afterwards.
        for inputs, targets in batches:
            if carry:
                narrowed(model, len(inputs))
            with torch.inference_mode(), autocast(precision, device):
                tallies.append(objective.tally(model(inputs), targets))
    total = torch.stack(tallies).cpu().double().sum() if tallies else 0.0
    return objective.scored(
        float(ranks.sum(np.array([float(total)]))[0]) / len(split), split.targets
    )
