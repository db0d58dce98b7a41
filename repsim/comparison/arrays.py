"""Activations that are there, in memory or in files, compared layer by layer."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from repsim.activation_files import ActivationArray, check_samples, factor_of, moments_of
from repsim.comparison.context import Context, in_replicates
from repsim.comparison.result import Comparison
from repsim.comparison.rows import Found, Layer, Patterns, Wanted, layer_pairs, shown, uneven
from repsim.errors import InputError, unknown_name

if TYPE_CHECKING:
    from repsim.comparison.watched import Pool

__all__ = ["Mapped", "compare_arrays"]

Mapped = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]
"""As the builtin `map`, and ``Executor.map`` of pools of processes and of Dask."""

# Neurons × neurons up to which one thread of BLAS multiplies.
SMALL = 512**2

# Layers that a message names.
MOST_NAMED = 5


def compare_arrays(
    found: Mapping[str, Mapping[str, ActivationArray]],
    *,
    layers: Patterns | None,
    wanted: Wanted,
    context: Context,
    across: bool | None,
    pool: "Pool",
    mapped: Mapped,
    progress: bool,
    notes: Sequence[str] = (),
) -> Comparison:
    """As `repsim.compare` does with activations, which are read block by block for each pair."""
    notes = list(notes)
    if layers is not None:
        found = {name: _chosen(arrays, name, layers) for name, arrays in found.items()}
    pairs = _pairs(found, across, notes)
    arrays = {(model, name): x for model, of in found.items() for name, x in of.items()}
    if pool is None:
        averaged, words = uneven(pairs, {layer: x.positions for layer, x in arrays.items()})
        notes += words
        arrays |= {layer: replace(arrays[layer], pool="mean") for layer in averaged}
    else:
        arrays = {layer: replace(x, pool=pool) for layer, x in arrays.items()}
    _check_models(pairs, arrays)
    task = _Task(wanted=wanted, match=wanted.matches(pairs), context=context)
    work = [(arrays[a], arrays[b]) for a, b in pairs]
    with _blas_threads(work):
        results = list(shown(mapped(task, work), len(pairs), progress=progress))
    return Comparison.of(
        {name: tuple(of) for name, of in found.items()},
        dict(zip(pairs, results, strict=True)),
        notes=tuple(notes),
    )


def _blas_threads(
    work: Sequence[tuple[ActivationArray, ActivationArray]],
) -> AbstractContextManager[object]:
    """One thread of BLAS where all products are small.

    Several threads then wait for each other longer than they multiply, and on a busy machine for
    what else runs: 864 pairs of 64 neurons took 80 s with two threads beside other work, 6 s with
    one.
    """
    widest = max((x.neurons * y.neurons for x, y in work), default=0)
    return threadpool_limits(1, user_api="blas") if widest <= SMALL else nullcontext()


@dataclass(frozen=True, kw_only=True)
class _Task:
    """Compares a pair of layers; it can be sent to another process."""

    wanted: Wanted
    match: bool
    context: Context

    def __call__(self, pair: tuple[ActivationArray, ActivationArray]) -> Found:
        x, y = pair
        try:
            if not self.context:
                moments, factor = moments_of(x, y), partial(factor_of, x, y)
                return self.wanted.found(
                    moments, examples=x.examples, match=self.match, factor=factor
                )
            check_samples(x, y)
            replicated = in_replicates(x, y, self.context)
            return self.wanted.found(
                replicated.moments.total,
                examples=x.examples,
                match=self.match,
                factor=partial(factor_of, x, y),
                replicated=replicated,
            )
        except InputError as problem:
            return self.wanted.failed(str(problem), match=self.match)
        except MemoryError as problem:
            said = (
                f"Expected layers that fit in memory. Got {x.neurons} and {y.neurons} neurons: "
                f"{str(problem).rstrip('.') or 'not enough'}. Compare some of the neurons."
            )
            return self.wanted.failed(said, match=self.match)


def _pairs(
    found: Mapping[str, Mapping[str, ActivationArray]], across: bool | None, notes: list[str]
) -> list[tuple[Layer, Layer]]:
    """By name where two models have any in common, unless all pairs of layers are wanted."""
    pairs: list[tuple[Layer, Layer]] = []
    for a, b in combinations(found, 2):
        common = [name for name in found[a] if name in found[b]]
        by_name = across is False or (across is None and bool(common))
        pairs += layer_pairs(a, list(found[a]), b, list(found[b]), not by_name)
        alone = [
            f"{name} of {model}"
            for model, names in ((a, found[a]), (b, found[b]))
            for name in sorted(set(names) - set(common))
        ]
        if by_name and alone:
            shown_names = ", ".join(alone[:MOST_NAMED]) + (
                ", ..." if len(alone) > MOST_NAMED else ""
            )
            notes.append(f"Skipped, since the other has no layer of this name: {shown_names}.")
    return pairs


def _check_models(
    pairs: Sequence[tuple[Layer, Layer]], arrays: Mapping[Layer, ActivationArray]
) -> None:
    """Refuse models of which no layers have the same examples, before anything is read."""
    problems: dict[tuple[str, str], list[InputError | None]] = {}
    for a, b in pairs:
        try:
            check_samples(arrays[a], arrays[b])
            problem = None
        except InputError as raised:
            problem = raised
        problems.setdefault((a[0], b[0]), []).append(problem)
    for (a_name, b_name), of in problems.items():
        first = of[0]
        if first is not None and None not in of:
            raise InputError(f"{first} Of {a_name} and {b_name}, no layers can be compared.")


def _chosen(
    arrays: Mapping[str, ActivationArray], name: str, layers: Patterns
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
