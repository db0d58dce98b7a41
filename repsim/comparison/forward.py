"""Batches of data as several models see them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from torch import nn

from repsim.comparison.batches import Batch, batches_of
from repsim.comparison.rows import Patterns, shown
from repsim.comparison.watched import Watched, watched
from repsim.errors import InputError
from repsim.training import select_device

__all__ = ["batches_seen", "check_model"]


def batches_seen(
    models: Mapping[str, nn.Module],
    data: object,
    *,
    layers: Patterns | None,
    select: Callable[[Any], Any] | None,
    mask: Callable[[Any], Any] | str | None,
    batch_size: int,
    device: str,
    progress: bool,
) -> Iterator[tuple[list[Watched], Batch]]:
    """Each batch on the device, with the models and their layers, which the first one shows."""
    where = select_device(device)
    for name, model in models.items():
        check_model(name, model)
        model.to(where)
    found: list[Watched] = []
    batches = batches_of(data, batch_size=batch_size, select=select, mask=mask)
    for batch in shown(batches, _batches_in(data), progress=progress):
        here = batch.each(lambda tensor: tensor.to(where))
        found = found or [
            watched(name, model, here, _patterns(layers, name, models))
            for name, model in models.items()
        ]
        yield found, here


def check_model(name: str, model: object) -> None:
    """Refuse what is no module, and wrappers whose copies see a part of the batch."""
    if not isinstance(model, nn.Module):
        raise InputError(f"Expected a torch.nn.Module as {name}. Got a {type(model).__name__}.")
    if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        raise InputError(
            f"Expected a plain model as {name}. Got a {type(model).__name__}, whose copies each "
            "see a part of the batch. Use its .module."
        )


def _batches_in(data: object) -> int | None:
    """How many batches there will be, if that is known."""
    try:
        return len(data)  # type: ignore[arg-type]
    except TypeError:
        return None


def _patterns(
    layers: Patterns | None, name: str, models: Mapping[str, object]
) -> Sequence[str] | None:
    if isinstance(layers, str):
        return [layers]
    if not isinstance(layers, Mapping):
        return layers
    unknown = sorted(set(layers) - set(models))
    if unknown:
        raise InputError(
            f"Expected layers of the models {', '.join(models)}. Got {', '.join(unknown)}."
        )
    return layers.get(name)
