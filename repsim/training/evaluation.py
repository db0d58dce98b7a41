"""Accuracy of a network on a split, and the mode in which networks are looked at."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from repsim.data import Split
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
    *,
    device: torch.device,
    precision: Precision = "float32",
    batch_size: int = 256,
    workers: int = 0,
    ranks: Ranks = ALONE,
) -> float | None:
    """Fraction of a split's examples that the model answers correctly, without augmentation.

    Parameters
    ----------
    model
        Gives logits (examples, classes); it must be on `device`.
    precision
        float32 (never TF32), or the mixed precision of the training.
    ranks
        Each answers its part of the split; all get the fraction of the whole.

    Returns
    -------
    float or None
        From 0 to 1; None where the labels of the split are not known.
    """
    if not split.labelled:
        return None
    correct = torch.zeros((), dtype=torch.int64, device=device)
    batches = split.batches(
        ranks.part(np.arange(len(split))),
        batch_size=batch_size,
        augmentation=None,
        device=device,
        workers=workers,
    )
    with evaluation_mode(model), repeatable_kernels():
        # The batches are made outside inference mode: a split may keep its tensors, and
        # inference tensors could not be trained on afterwards.
        for images, labels in batches:
            with torch.inference_mode(), autocast(precision, device):
                correct += (model(images).argmax(dim=1) == labels).sum()
    return int(ranks.sum(np.array([float(correct)]))[0]) / len(split)
