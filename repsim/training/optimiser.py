"""The optimiser of a training, and its learning rate at every step."""

import math
from collections.abc import Sequence

from torch import nn, optim

from repsim.objective import Objective
from repsim.study import Course, Training

__all__ = ["build_optimiser", "learning_rate", "plateaus", "set_learning_rate"]


def learning_rate(training: Training, course: Course, step: int) -> float:
    """Learning rate of a step (0-based), a pure function of where the training is.

    Notes
    -----
    The schedule ``steps`` multiplies by ``decay`` *after* each milestone; ``cosine`` falls per step
    from the full rate after the warm-up to zero after the last one. The warm-up rises linearly
    over the batches of the first ``warmup_epochs``, and multiplies the schedule. Of ``plateau`` it
    is the rate before the first plateau (`plateaus`). The default
    is that of Wang et al. 2018: 0.1, then 0.01 after 80 epochs and 0.001 after 120.

    Examples
    --------
    >>> training = Training()
    >>> course = training.course(50_000)
    >>> epochs = (79, 80, 120)
    >>> [round(learning_rate(training, course, 391 * e), 6) for e in epochs]
    [0.1, 0.01, 0.001]
    """
    warmup = training.warmup_epochs * course.batches
    rate = training.learning_rate
    if training.schedule == "steps":
        unit = course.batches if training.unit == "epoch" else 1
        rate *= training.decay ** sum(mark * unit <= step for mark in training.milestones_applied)
    elif training.schedule == "cosine":
        remaining = max(1, course.steps - warmup)
        rate *= 0.5 * (1 + math.cos(math.pi * max(0, step - warmup) / remaining))
    return rate * min(1.0, (step + 1) / warmup) if warmup else rate


def plateaus(scores: Sequence[float | None], patience: int, objective: Objective) -> int:
    """How often a score has not improved for more than `patience` evaluations in a row.

    A function of the history alone, so that a resumed training agrees. Each plateau starts the
    count again, as torch's ``ReduceLROnPlateau`` does.

    Examples
    --------
    >>> perplexity = Objective(loss="next_token", outputs=9, score="perplexity")
    >>> plateaus([90.0, 80.0, 81.0, 79.0, 79.5, 79.5], 0, perplexity)
    3
    >>> plateaus([90.0, 80.0, 81.0, 79.0, 79.5, 79.5], 1, perplexity)
    1
    """
    found, waited, best = 0, 0, None
    for score in scores:
        if score is not None and objective.improves(score, best):
            best, waited = score, 0
            continue
        waited += 1
        if waited > patience:
            found, waited = found + 1, 0
    return found


def build_optimiser(training: Training, model: nn.Module) -> optim.Optimizer:
    """SGD with momentum (not Nesterov's), Adam or AdamW; weight decay is of every parameter.

    Biases and batch norm included, as in the paper's released code.
    """
    parameters = model.parameters()
    if training.optimiser != "sgd":
        kind = optim.Adam if training.optimiser == "adam" else optim.AdamW
        return kind(parameters, lr=training.learning_rate, weight_decay=training.weight_decay)
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
