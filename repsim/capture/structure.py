"""What a model consists of, apart from the values of its weights."""

import hashlib
from collections.abc import Callable
from itertools import chain

from torch import nn
from torch.nn.parameter import is_lazy

from repsim.capture.meta import without_computing

__all__ = ["structure_digest", "structure_of"]


def structure_digest(model: nn.Module) -> str:
    """Sha256 (hex) of names, shapes and dtypes of all parameters and buffers.

    No value enters, so that processors and devices agree.

    Examples
    --------
    >>> structure_digest(nn.Linear(3, 2)) == structure_digest(nn.Linear(3, 2))
    True
    >>> structure_digest(nn.Linear(3, 2)) == structure_digest(nn.Linear(3, 2).half())
    False
    """
    tensors = chain(
        model.named_parameters(remove_duplicate=False), model.named_buffers(remove_duplicate=False)
    )
    lines = [
        f"{name} {'lazy' if is_lazy(tensor) else tuple(tensor.shape)} {tensor.dtype}"
        for name, tensor in tensors
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def structure_of(build: Callable[[], nn.Module]) -> str:
    """`structure_digest` of the model that `build` makes, without drawing weights if possible."""
    return without_computing(lambda: structure_digest(build()))
