"""Activations that are there, in memory or in files, compared layer by layer."""

from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repsim.activation_files import ActivationArray, factor_of, moments_of, open_activations
from repsim.arrays import as_array
from repsim.comparison.result import Comparison
from repsim.comparison.rows import Layer, Patterns, Wanted, layer_pairs, shown, uneven
from repsim.errors import InputError, unknown_name

if TYPE_CHECKING:
    from repsim.comparison.watched import Pool

__all__ = ["compare_arrays"]


def compare_arrays(
    sources: Mapping[str, Any],
    *,
    layers: Patterns | None,
    wanted: Wanted,
    across: bool | None,
    pool: "Pool",
    progress: bool,
) -> Comparison:
    """As `repsim.compare` does with activations.

    Files are read block by block, once for each pair of layers.
    """
    notes: list[str] = []
    found = {name: _opened(source, name, notes) for name, source in sources.items()}
    if layers is not None:
        found = {name: _chosen(arrays, name, layers) for name, arrays in found.items()}
    if len(found) == 2 and all(len(arrays) == 1 for arrays in found.values()) and across is None:
        across = True  # of one layer each, whatever they are called
    pairs: list[tuple[Layer, Layer]] = []
    for a, b in combinations(found, 2):
        pairs += layer_pairs(a, list(found[a]), b, list(found[b]), across)
    arrays = {(model, name): x for model, of in found.items() for name, x in of.items()}
    if pool is None:
        averaged, words = uneven(pairs, {layer: x.positions for layer, x in arrays.items()})
        notes += words
        arrays |= {layer: replace(arrays[layer], pool="mean") for layer in averaged}
    else:
        arrays = {layer: replace(x, pool=pool) for layer, x in arrays.items()}
    match = wanted.matches(pairs)
    return Comparison.of(
        {name: tuple(of) for name, of in found.items()},
        {
            (a, b): wanted.rows(
                moments_of(arrays[a], arrays[b]),
                match=match,
                factor=partial(factor_of, arrays[a], arrays[b]),
            )
            for a, b in shown(pairs, len(pairs), progress=progress)
        },
        notes=tuple(notes),
    )


def _opened(source: Any, name: str, notes: list[str]) -> dict[str, ActivationArray]:
    if isinstance(source, str | Path):
        return open_activations(Path(source), notes.append)
    if not isinstance(source, Mapping) or not source:
        raise InputError(
            f"Expected a table of arrays by layer, or a file, as {name}. Got a "
            f"{type(source).__name__}{' without any' if isinstance(source, Mapping) else ''}."
        )
    return {
        str(layer): ActivationArray(name=str(layer), array=as_array(array, f"{layer} of {name}"))
        for layer, array in source.items()
    }


def _chosen(
    arrays: dict[str, ActivationArray], name: str, layers: Patterns
) -> dict[str, ActivationArray]:
    patterns = layers.get(name, ()) if isinstance(layers, Mapping) else layers
    patterns = [patterns] if isinstance(patterns, str) else patterns
    for pattern in patterns:
        if not any(fnmatchcase(layer, pattern) for layer in arrays):
            raise InputError(unknown_name(f"layer of {name}", pattern, list(arrays)))
    return {
        layer: array
        for layer, array in arrays.items()
        if any(fnmatchcase(layer, pattern) for pattern in patterns)
    }
