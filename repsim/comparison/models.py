"""Models that see the same batches: the sums of their layers are all that is kept."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

from torch import nn

from repsim.comparison.batches import batches_of
from repsim.comparison.products import Products
from repsim.comparison.result import Comparison
from repsim.comparison.rows import Layer, Patterns, Wanted, layer_pairs, shown, uneven
from repsim.comparison.watched import Pool, Watched, watched
from repsim.errors import InputError
from repsim.memory import physical_memory
from repsim.training import select_device

__all__ = ["compare_models"]


def compare_models(
    models: Mapping[str, nn.Module],
    data: object,
    *,
    layers: Patterns | None,
    wanted: Wanted,
    across: bool | None,
    pool: Pool,
    select: Callable[[Any], Any] | None,
    mask: Callable[[Any], Any] | str | None,
    batch_size: int,
    device: str,
    progress: bool,
) -> Comparison:
    """As `repsim.compare` does with models."""
    where = select_device(device)
    for name, model in models.items():
        _check(name, model)
        model.to(where)
    found: list[Watched] = []
    pairs: list[tuple[Layer, Layer]] = []
    pools: dict[Layer, Pool] = {}
    notes: list[str] = []
    sums = Products(())
    examples = 0
    batches = batches_of(data, batch_size=batch_size, select=select, mask=mask)
    for batch in shown(batches, _batches_in(data), progress=progress):
        here = batch.each(lambda tensor: tensor.to(where))
        if not found:
            found = [
                watched(name, model, here, _patterns(layers, name, models))
                for name, model in models.items()
            ]
            for a, b in combinations(found, 2):
                pairs += layer_pairs(a.name, a.names, b.name, b.names, across)
            pools, notes = _pools(found, pairs, pool)
            sums = Products(pairs)
            _check_memory(found, sums)
        outputs = {
            (one.name, layer): rows
            for one in found
            for layer, rows in one.outputs(here, pools).items()
        }
        sums.update(outputs)
        examples += here.examples
    match = wanted.matches(pairs)
    return Comparison.of(
        {one.name: one.names for one in found},
        {
            (a, b): wanted.rows(sums.moments(a, b), match=match)
            for a, b in shown(pairs, len(pairs), progress=progress)
        },
        notes=(f"{examples:,} examples.", *notes),
    )


def _check(name: str, model: object) -> None:
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


def _pools(
    found: Sequence[Watched], pairs: Sequence[tuple[Layer, Layer]], pool: Pool
) -> tuple[dict[Layer, Pool], list[str]]:
    """How the positions of each layer become samples, and what to know of that."""
    notes = [
        f"Layers of {one.name} whose channels are in doubt were left out: "
        f"{', '.join(one.in_doubt)}."
        for one in found
        if one.in_doubt
    ]
    positions = {(one.name, x.name): x.positions for one in found for x in one.layers}
    averaged, words = uneven(pairs, positions) if pool is None else (set[Layer](), [])
    pools: dict[Layer, Pool] = {layer: "mean" if layer in averaged else pool for layer in positions}
    return pools, [*notes, *words]


def _check_memory(found: Sequence[Watched], sums: Products) -> None:
    """Refuse sums that the machine has no room for, before more than one batch is seen."""
    widths = {(one.name, x.name): x.neurons for one in found for x in one.layers}
    needed = sums.bytes(widths)
    if needed > physical_memory() / 2:
        layers = ", ".join(f"{len(one.layers)} of {one.name}" for one in found)
        raise InputError(
            f"Expected sums of all pairs of layers that take at most half of the memory "
            f"({physical_memory() / 2**31:.1f} GiB). Got {needed / 2**30:.1f} GiB for {layers}. "
            "Choose fewer layers (layers=[...]; note that * also matches dots)."
        )
