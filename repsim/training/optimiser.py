"""The optimiser of a training, and its learning rate at every step."""

import math

from torch import nn, optim

from repsim.study import Training

__all__ = ["build_optimiser", "learning_rate", "set_learning_rate"]


def learning_rate(training: Training, *, epoch: int, batch: int, batches: int) -> float:
    """Learning rate of one step, a pure function of where the training is.

    Parameters
    ----------
    epoch
        1-based.
    batch, batches
        0-based number of the batch in its epoch, and how many batches an epoch has.

    Notes
    -----
    ``steps`` multiplies by ``decay`` *after* each milestone, per epoch; ``cosine`` falls per batch
    from the full rate after the warm-up to zero after the last batch. The warm-up rises linearly
    over the batches of the first ``warmup_epochs``, and multiplies the schedule. The default
    is that of Wang et al. 2018: 0.1, then 0.01 after 80 epochs and 0.001 after 120.

    Examples
    --------
    >>> [round(learning_rate(Training(), epoch=e, batch=0, batches=391), 6) for e in (80, 81, 121)]
    [0.1, 0.01, 0.001]
    """
    step = (epoch - 1) * batches + batch
    warmup = training.warmup_epochs * batches
    rate = training.learning_rate
    if training.schedule == "steps":
        rate *= training.decay ** sum(mark < epoch for mark in training.milestone_epochs)
    elif training.schedule == "cosine":
        remaining = max(1, training.epochs * batches - warmup)
        rate *= 0.5 * (1 + math.cos(math.pi * max(0, step - warmup) / remaining))
    return rate * min(1.0, (step + 1) / warmup) if warmup else rate


def build_optimiser(training: Training, model: nn.Module) -> optim.Optimizer:
    """SGD with momentum (not Nesterov's) or Adam; weight decay applies to every parameter.

    Biases and batch norm included, as in the paper's released code.
    """
    parameters = model.parameters()
    if training.optimiser == "adam":
        return optim.Adam(parameters, lr=training.learning_rate, weight_decay=training.weight_decay)
    return optim.SGD(
        parameters,
        lr=training.learning_rate,
        momentum=training.momentum,
        weight_decay=training.weight_decay,
    )


def set_learning_rate(optimiser: optim.Optimizer, rate: float) -> None:
    """Use `rate` from the next step on."""
    for group in optimiser.param_groups:
        group["lr"] = rate
