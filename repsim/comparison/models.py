"""Models that see the same batches: the sums of their layers are all that is kept."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

from torch import nn

from repsim.comparison.arrays import compare_arrays
from repsim.comparison.capture import captured_together
from repsim.comparison.context import Context
from repsim.comparison.forward import batches_seen
from repsim.comparison.products import Products
from repsim.comparison.result import Comparison
from repsim.comparison.rows import Layer, Patterns, Wanted, layer_pairs, shown, uneven
from repsim.comparison.watched import Pool, Watched
from repsim.errors import InputError
from repsim.memory import physical_memory

__all__ = ["compare_models"]


def compare_models(
    models: Mapping[str, nn.Module],
    data: object,
    *,
    layers: Patterns | None,
    wanted: Wanted,
    context: Context,
    across: bool | None,
    pool: Pool,
    select: Callable[[Any], Any] | None,
    mask: Callable[[Any], Any] | str | None,
    batch_size: int,
    device: str,
    progress: bool,
) -> Comparison:
    """As `repsim.compare` does with models."""
    if context:
        return _compare_captured(
            models,
            data,
            wanted=wanted,
            context=context,
            across=across,
            pool=pool,
            progress=progress,
            layers=layers,
            select=select,
            mask=mask,
            batch_size=batch_size,
            device=device,
        )
    pairs: list[tuple[Layer, Layer]] = []
    pools: dict[Layer, Pool] = {}
    notes: list[str] = []
    found: list[Watched] = []
    sums = Products(())
    examples = 0
    for found, batch in batches_seen(
        models,
        data,
        layers=layers,
        select=select,
        mask=mask,
        batch_size=batch_size,
        device=device,
        progress=progress,
    ):
        if not examples:
            for a, b in combinations(found, 2):
                pairs += layer_pairs(a.name, a.names, b.name, b.names, across)
            pools, notes = _pools(found, pairs, pool)
            sums = Products(pairs)
            _check_memory(found, sums)
        outputs = {
            (one.name, layer): rows.values
            for one in found
            for layer, rows in one.outputs(batch, pools).items()
        }
        sums.update(outputs)
        examples += batch.examples
    match = wanted.matches(pairs)
    return Comparison.of(
        {one.name: one.names for one in found},
        {
            (a, b): wanted.found(sums.moments(a, b), examples=examples, match=match)
            for a, b in shown(pairs, len(pairs), progress=progress)
        },
        notes=(f"{examples:,} examples.", *notes),
    )


def _compare_captured(
    models: Mapping[str, nn.Module],
    data: object,
    *,
    wanted: Wanted,
    context: Context,
    across: bool | None,
    pool: Pool,
    progress: bool,
    **options: Any,
) -> Comparison:
    """With nulls and intervals, which need the activations of all examples at once."""
    found = captured_together(models, data, pool=pool, progress=progress, **options)
    names = [list(layers) for layers in found.values()]
    if across is None:
        across = any(one != names[0] for one in names)
    return compare_arrays(
        found,
        layers=None,
        wanted=wanted,
        context=context,
        across=across,
        pool=None,
        mapped=map,
        progress=progress,
    )


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
