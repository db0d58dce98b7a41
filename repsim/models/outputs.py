"""What a model or a layer puts out: one tensor, or several in a tuple or under names."""

import dataclasses
from collections.abc import Mapping

from torch import Tensor

from repsim.errors import StudyError

__all__ = ["layer_tensor", "logits_of", "only_tensor"]


def only_tensor(output: object) -> Tensor | None:
    """The tensor that an output is or contains; None where it has several, or none.

    Examples
    --------
    >>> import torch
    >>> only_tensor({"logits": torch.ones(2), "loss": None})
    tensor([1., 1.])
    """
    if isinstance(output, Tensor):
        return output
    tensors = list(_tensors(output).values())
    return tensors[0] if len(tensors) == 1 else None


def layer_tensor(output: object) -> Tensor | None:
    """What a layer puts out: the first tensor with a batch in it, as of a recurrent layer.

    Examples
    --------
    >>> import torch
    >>> layer_tensor((torch.ones(5, 3), torch.zeros(2, 5, 3))).shape
    torch.Size([5, 3])
    """
    if isinstance(output, Tensor):
        return output
    return next((tensor for tensor in _tensors(output).values() if tensor.ndim > 1), None)


def logits_of(output: object, key: str | int | None = None) -> Tensor:
    """The logits in what a model puts out: under `key`, or ``logits``, or the only tensor.

    Raises
    ------
    StudyError
        If there is no tensor under `key`, or no key says which of several it is.
    """
    if isinstance(output, Tensor):
        return output
    tensors = _tensors(output)
    found = only_tensor(output) if key is None else _at(output, key)
    if key is None and found is None:
        found = tensors.get("logits")
    if found is not None:
        return found
    listing = ", ".join(f"{name!r} of shape {tuple(t.shape)}" for name, t in tensors.items())
    got = f"a {type(output).__name__} with {listing or 'no tensor'}"
    if key is None:
        name = next(iter(tensors), "logits")
        example = repr(name) if isinstance(name, int) else f'"{name}"'
        raise StudyError(
            f"Expected a model whose output is a tensor of logits. Got {got}. Say in the study "
            f"which one it is, as in model.output = {example}."
        )
    raise StudyError(f"Expected logits at model.output = {key!r}. Got {got}.")


def _at(output: object, key: str | int) -> Tensor | None:
    try:
        found = output[key]  # type: ignore[index]
    except (TypeError, LookupError):
        found = getattr(output, key, None) if isinstance(key, str) else None
    return found if isinstance(found, Tensor) else None


def _tensors(output: object) -> dict[str | int, Tensor]:
    """By key, position or attribute."""
    if isinstance(output, Mapping):
        items = dict(output)
    elif isinstance(output, tuple) and hasattr(output, "_asdict"):
        items = output._asdict()
    elif isinstance(output, list | tuple):
        items = dict(enumerate(output))
    elif dataclasses.is_dataclass(output):
        items = {field.name: getattr(output, field.name) for field in dataclasses.fields(output)}
    else:
        items = getattr(output, "__dict__", {})
    return {name: value for name, value in items.items() if isinstance(value, Tensor)}
