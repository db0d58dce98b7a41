"""How large a model is, and how many operations it takes, from shapes where that is possible."""

from collections.abc import Callable

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from repsim.inputs import InputSpec
from repsim.model_layers.meta import without_computing
from repsim.training.evaluation import evaluation_mode

__all__ = ["forward_operations_of", "parameter_count_of"]

# Batch norm may refuse a single example.
_BATCH = 2


def parameter_count_of(build: Callable[[], nn.Module]) -> int:
    """Number of parameters of the model that `build` makes, without drawing them if possible."""
    return without_computing(
        lambda: sum(p.numel() for p in build().parameters() if p.requires_grad)
    )


def forward_operations_of(build: Callable[[], nn.Module], inputs: InputSpec) -> int:
    """Floating-point operations of one example's way through the model that `build` makes.

    A multiplication and an addition are two. Products of matrices, convolutions and attention are
    counted, by torch's own counter; what is done to each number alone is small beside them.

    Examples
    --------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 2))
    >>> forward_operations_of(lambda: model, InputSpec(shape=(3, 2, 2)))
    140
    """

    def count() -> int:
        model = build()
        device = next(model.parameters(), torch.empty(0)).device
        counter = FlopCounterMode(display=False)
        with evaluation_mode(model), torch.no_grad(), counter:
            model(inputs.zeros(_BATCH, device))
        return int(counter.get_total_flops()) // _BATCH

    return without_computing(count)
