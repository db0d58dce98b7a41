"""What a model consists of, apart from the values of its weights: its structure and blocks."""

import hashlib
from collections import Counter
from collections.abc import Callable
from itertools import chain

from torch import nn
from torch.nn.parameter import is_lazy

from repsim.model_layers.meta import without_computing

__all__ = ["repeated_blocks", "structure_digest", "structure_of"]

# They hold modules and compute nothing of their own.
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


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


def repeated_blocks(model: nn.Module) -> frozenset[str]:
    """Names of the blocks that a model repeats.

    A block is a module of a class of which the model has several, with at least two weight matrices
    inside; a block inside a block does not count. So the blocks of a transformer are its encoder
    blocks, those of a ResNet its residual blocks, and those of timm's ConvNeXt its stages.

    Examples
    --------
    >>> block = lambda: nn.TransformerEncoderLayer(4, 1)
    >>> sorted(repeated_blocks(nn.Sequential(nn.Linear(4, 4), nn.Sequential(block(), block()))))
    ['1.0', '1.1']
    """
    candidates = {
        name: type(module)
        for name, module in model.named_modules()
        if name and not isinstance(module, CONTAINERS) and _weight_matrices(module) >= 2
    }
    several = {kind for kind, count in Counter(candidates.values()).items() if count > 1}
    repeated = {name for name, kind in candidates.items() if kind in several}
    return frozenset(
        name for name in repeated if not any(name.startswith(f"{other}.") for other in repeated)
    )


def _weight_matrices(module: nn.Module) -> int:
    return sum(parameter.ndim > 1 for parameter in module.parameters() if not is_lazy(parameter))
