"""Batches out of whatever data somebody has, as calls of a model."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from repsim.errors import InputError

__all__ = ["Batch", "batches_of"]

Select = Callable[[Any], Any]


@dataclass(frozen=True)
class Batch:
    """What the models are given at once: a tensor, several in order, or several by name."""

    inputs: Tensor | tuple[Tensor, ...] | dict[str, Tensor]
    mask: Tensor | None = None
    """bool (examples, positions): which are no padding."""

    @property
    def tensors(self) -> list[Tensor]:
        """Every tensor of it."""
        if isinstance(self.inputs, Tensor):
            return [self.inputs]
        return list(self.inputs.values() if isinstance(self.inputs, dict) else self.inputs)

    @property
    def examples(self) -> int:
        """How many there are."""
        return len(self.tensors[0])

    def each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """With every tensor changed."""
        inputs: Any
        if isinstance(self.inputs, Tensor):
            inputs = change(self.inputs)
        elif isinstance(self.inputs, dict):
            inputs = {name: change(tensor) for name, tensor in self.inputs.items()}
        else:
            inputs = tuple(change(tensor) for tensor in self.inputs)
        return Batch(inputs, None if self.mask is None else change(self.mask))

    def some(self, count: int) -> "Batch":
        """So many examples of it, some of them twice if there are not as many."""
        places = torch.arange(count) % self.examples
        return self.each(lambda tensor: tensor[places.to(tensor.device)])

    def call(self, model: nn.Module) -> object:
        """What a model answers. Names that it does not take, such as labels, are left out.

        Raises
        ------
        InputError
            When it takes none of the names.
        """
        if isinstance(self.inputs, Tensor):
            return model(self.inputs)
        if isinstance(self.inputs, tuple):
            return model(*self.inputs)
        parameters = inspect.signature(model.forward).parameters.values()
        if any(one.kind is one.VAR_KEYWORD for one in parameters):
            return model(**self.inputs)
        taken = {one.name for one in parameters}
        given = {name: tensor for name, tensor in self.inputs.items() if name in taken}
        if not given:
            raise InputError(
                f"Expected batches with an argument of {type(model).__name__}.forward "
                f"({', '.join(sorted(taken))}). Got {', '.join(self.inputs)}. Say what the model "
                "is given: input=lambda batch: ..."
            )
        return model(**given)


def batches_of(
    data: object, *, batch_size: int, select: Select | None, mask: Select | str | None
) -> Iterator[Batch]:
    """Batches of a data loader, a data set, tensors, or an iterable of batches.

    Raises
    ------
    InputError
        For data that are none of these, have no batch, or have a batch that no model takes.
    """
    found = False
    for raw in _raw_batches(data, batch_size):
        found = True
        yield _batch(raw, select, mask)
    if not found:
        raise InputError(f"Expected data with at least one example. Got an empty {_kind(data)}.")


def _raw_batches(data: object, batch_size: int) -> Iterable[Any]:
    if isinstance(data, DataLoader):
        return data
    if isinstance(data, np.ndarray | Tensor):
        return _slices(torch.as_tensor(data), batch_size)
    if isinstance(data, Mapping) and all(isinstance(v, np.ndarray | Tensor) for v in data.values()):
        return _slices({name: torch.as_tensor(v) for name, v in data.items()}, batch_size)
    if isinstance(data, Dataset) or (hasattr(data, "__getitem__") and hasattr(data, "with_format")):
        if hasattr(data, "with_format"):  # of Hugging Face
            data = data.with_format("torch")
        return DataLoader(data, batch_size=batch_size)  # type: ignore[arg-type]
    if isinstance(data, Iterable) and not isinstance(data, str | bytes | Mapping):
        return data
    raise InputError(
        "Expected data as a DataLoader, a data set, a tensor or array, a table of tensors by name, "
        f"or an iterable of batches. Got {_kind(data)}."
    )


def _slices(tensors: Any, batch_size: int) -> Iterator[Any]:
    whole = Batch(tensors)
    counts = {len(tensor) for tensor in whole.tensors}
    if len(counts) != 1:
        raise InputError(f"Expected tensors of as many examples. Got {sorted(counts)}.")
    for start in range(0, whole.examples, batch_size):

        def part(tensor: Tensor, start: int = start) -> Tensor:
            return tensor[start : start + batch_size]

        yield whole.each(part).inputs


def _batch(raw: Any, select: Select | None, mask: Select | str | None) -> Batch:
    inputs = select(raw) if select is not None else raw
    if select is None and isinstance(inputs, Sequence) and not isinstance(inputs, str):
        if not len(inputs):
            raise InputError("Expected batches with an input. Got an empty list.")
        inputs = inputs[0]  # beside it are labels
    if isinstance(inputs, np.ndarray):
        inputs = torch.as_tensor(inputs)
    if isinstance(inputs, list):
        inputs = tuple(inputs)
    if isinstance(inputs, Mapping):
        inputs = {name: v for name, v in inputs.items() if isinstance(v, Tensor)}
    several = isinstance(inputs, tuple | dict)
    parts = list(inputs.values() if isinstance(inputs, dict) else inputs) if several else [inputs]
    if not parts or not all(isinstance(part, Tensor) and part.ndim for part in parts):
        raise InputError(
            f"Expected batches of tensors. Got {_kind(inputs)}. Say what the models are given: "
            "input=lambda batch: ..."
        )
    if len({len(part) for part in parts}) != 1:
        raise InputError(
            "Expected tensors of as many examples in a batch. Got "
            f"{', '.join(str(tuple(part.shape)) for part in parts)}."
        )
    return Batch(inputs, _mask(raw, mask, len(parts[0])))


def _mask(raw: Any, mask: Select | str | None, examples: int) -> Tensor | None:
    if mask is None:
        return None
    if isinstance(mask, str):
        if not isinstance(raw, Mapping) or mask not in raw:
            known = ", ".join(map(str, raw)) if isinstance(raw, Mapping) else _kind(raw)
            raise InputError(f"Expected batches with {mask!r}, the mask. Got {known}.")
        found = raw[mask]
    else:
        found = mask(raw)
    kept = torch.as_tensor(found).bool()
    if kept.ndim != 2 or len(kept) != examples:
        raise InputError(
            f"Expected a mask (examples, positions) of {examples} examples. "
            f"Got {tuple(kept.shape)}."
        )
    return kept


def _kind(value: object) -> str:
    return f"a {type(value).__name__}"
