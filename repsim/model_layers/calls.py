"""Calls of modules in a forward pass, watched by hooks."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from repsim.models.outputs import layer_tensor

__all__ = ["call_name", "failing_layer", "observed_modules", "watch_calls"]


def call_name(module: str, call: int, calls: int) -> str:
    """Layer name of one call of a module: ``relu`` if it is the only one, else ``relu@2``.

    >>> call_name("relu", 1, 1), call_name("relu", 2, 3)
    ('relu', 'relu@2')
    """
    return module if calls == 1 else f"{module}@{call}"


def observed_modules(model: nn.Module) -> dict[str, nn.Module]:
    """Modules whose output is a layer of its own, by name.

    Leaves, and blocks that compute something beyond their children (a residual block). Left out
    are the model itself, and ``Sequential`` and the like: their output is their last child's.
    """
    return {
        name: module
        for name, module in model.named_modules()
        if name and not isinstance(module, nn.Sequential)
    }


@contextmanager
def watch_calls(
    modules: Iterable[tuple[str, nn.Module]],
    seen: Callable[[str, int, Tensor | None], None],
) -> Iterator[Callable[[], None]]:
    """Call ``seen(name, call, output)`` after each call of a module; calls count from 1.

    ``seen`` runs before the next module does, which may overwrite the output in place. The output
    is the tensor, or the first one with a batch in a tuple or table; None where there is none.

    Yields
    ------
    Callable
        Starts the count again, for the next forward pass.
    """
    counts: dict[str, int] = {}

    def hook_of(name: str) -> Callable[[nn.Module, object, object], None]:
        def hook(module: nn.Module, inputs: object, output: object) -> None:  # noqa: ARG001
            counts[name] = counts.get(name, 0) + 1
            seen(name, counts[name], layer_tensor(output))

        return hook

    handles = []
    try:
        for name, module in modules:
            handles.append(module.register_forward_hook(hook_of(name)))
        yield counts.clear
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def failing_layer(model: nn.Module) -> Iterator[Callable[[], str]]:
    """Know which layer a forward pass is in, for the message of an error.

    Yields
    ------
    Callable
        `` in layer 'features.0' (Conv2d)`` for the innermost module that has begun and not ended;
        empty for the model itself.
    """
    running: list[str] = []

    def begin_of(label: str) -> Callable[[nn.Module, object], None]:
        def begin(module: nn.Module, inputs: object) -> None:  # noqa: ARG001
            running.append(label)

        return begin

    def end(module: nn.Module, inputs: object, output: object) -> None:  # noqa: ARG001
        running.pop()

    handles = []
    try:
        for name, module in model.named_modules():
            label = f" in layer {name!r} ({type(module).__name__})" if name else ""
            handles.append(module.register_forward_pre_hook(begin_of(label)))
            handles.append(module.register_forward_hook(end))
        yield lambda: running[-1] if running else ""
    finally:
        for handle in handles:
            handle.remove()
