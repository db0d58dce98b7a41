"""Moments of a comparison: summed over the parts of its tile, with those of groups and of nulls.

The moments of groups and of nulls are temporary: they are 20 to 60 times as many.
"""

import functools
import operator
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from repsim.graph import Cost, Node, Product, Worker
from repsim.moments import Factor, Moments, Permuted
from repsim.stages.comparison import ComparisonSpec
from repsim.stages.tiles import group_file, null_file, part_file
from repsim.store import Artifact, Marker, Store

if TYPE_CHECKING:
    from repsim.stages.plan import StudyPlan

__all__ = [
    "Resamples",
    "collect_moments",
    "nodes",
    "read_statistic",
    "stored_moments",
]

KINDS = ("moments", "resamples")

# What it takes to read and write the moments of a group of few neurons: 1.5 ms.
LEAST = 45 * 10**6

ARRAYS = "arrays.npz"

# Of the groups of a comparison, where they are kept in memory.
KEPT_BYTES = 64 * 2**20

Summed = TypeVar("Summed", Moments, Permuted)
Stored = TypeVar("Stored", Moments, Permuted, Factor)

Sides = tuple[int, int]
Shapes = dict[str, tuple[int, ...]]


def nodes(plan: "StudyPlan") -> Iterator[Node]:
    """A node for each comparison."""
    for tile in plan.tiles:
        parts = tile.part_folders
        for spec in tile.comparisons:
            products = [
                Product(folder=spec.moments_folder, label=spec.label, bytes=8 * spec.moment_numbers)
            ]
            if spec.order.count > 1:
                products.append(
                    Product(folder=spec.resamples_folder, label=spec.label, temporary=True)
                )
            yield Node(
                task="moments",
                label=spec.label,
                makes=tuple(products),
                needs=parts,
                make=functools.partial(collect_moments, spec, parts),
                share=tile.key,
                memory=spec.memory,
                cost=_cost(spec, len(parts)),
            )


def _cost(spec: ComparisonSpec, parts: int) -> Cost:
    """Each part has all permutations, and the groups of its examples."""
    nulls, groups = parts * len(spec.order.nulls), parts + spec.groups
    p, q = spec.sides
    return Cost(
        operations=LEAST * (nulls + groups),
        read=8 * (nulls * p * q + groups * spec.moment_numbers),
    )


def collect_moments(
    spec: ComparisonSpec,
    parts: Sequence[str],
    store: Store,
    wanted: Collection[str],
    worker: Worker,
) -> None:
    """Sum the moments of a pair over all examples, from the parts of its tile.

    Beside them, in another artifact, those of each group and permutation of examples.
    """
    del worker
    tiles = [Artifact.at(store, part) for part in parts]
    markers = [tile.marker() for tile in tiles]
    files = [{part.name for part in marker.parts} for marker in markers]

    def read(name: str, statistic: type[Summed]) -> Iterator[Summed]:
        path = part_file(spec, name)
        for tile, marker, there in zip(tiles, markers, files, strict=True):
            if path in there:
                yield read_statistic(tile, path, statistic, spec.sides, marker)

    resamples = Artifact.at(store, spec.resamples_folder).draft()
    resampled = spec.resamples_folder in wanted
    total = Moments.zeros(spec.x.neurons, spec.y.neurons)
    for group in range(len(spec.group_borders) - 1):
        moments = _sum(read(group_file(group), Moments))
        total = total + moments
        if resampled and spec.groups:
            resamples.write_arrays(group_file(group), moments.arrays())
    if total.count != spec.x.examples * spec.x.positions:
        # Something was published of this pair between two passes: its part knows nothing of it.
        raise tiles[0].damaged(f"moments of {total.count} samples only of {spec.label}")
    for number in range(len(spec.order.nulls) if resampled else 0):
        permuted = _sum(read(null_file(number), Permuted))
        resamples.write_arrays(null_file(number), permuted.arrays())
    if resampled:
        resamples.publish(lasting=False)
    if spec.moments_folder in wanted:
        draft = Artifact.at(store, spec.moments_folder).draft()
        draft.write_arrays(ARRAYS, total.arrays())
        draft.publish()


def stored_moments(store: Store, folder: str, sides: Sides | None = None) -> Moments:
    """Published moments; `sides` are the neurons of X and Y where they are known."""
    return read_statistic(Artifact.at(store, folder), ARRAYS, Moments, sides)


class Resamples:
    """The published moments of groups and permutations of examples of a comparison.

    Groups are kept in memory where all of them are small: a replicate has most of them.
    """

    def __init__(self, store: Store, spec: ComparisonSpec) -> None:
        self._artifact = Artifact.at(store, spec.resamples_folder)
        self._sides = spec.sides
        self._keeps = 8 * spec.moment_numbers * spec.groups <= KEPT_BYTES
        self._groups: dict[int, Moments] = {}

    @cached_property
    def _marker(self) -> Marker:
        return self._artifact.marker()

    def group(self, number: int) -> Moments:
        """The moments of a group of examples."""
        if number in self._groups:
            return self._groups[number]
        moments = self._read(group_file(number), Moments)
        if self._keeps:
            self._groups[number] = moments
        return moments

    def permuted(self, number: int) -> Permuted:
        """What differs where Y's examples were permuted, within their classes last."""
        return self._read(null_file(number), Permuted)

    def _read(self, name: str, statistic: type[Stored]) -> Stored:
        return read_statistic(self._artifact, name, statistic, self._sides, self._marker)


def read_statistic(
    artifact: Artifact,
    name: str,
    statistic: type[Stored],
    sides: Sides | None,
    marker: Marker | None = None,
) -> Stored:
    """A statistic from a file of an artifact, of layers with that many neurons."""
    shapes = _shapes(statistic, *sides) if sides else None
    arrays = artifact.read_arrays(name, marker, shapes=shapes)
    with artifact.as_expected(name):
        return statistic.from_mapping(arrays)


def _shapes(statistic: type[Moments | Permuted | Factor], p: int, q: int) -> Shapes:
    if statistic is Permuted:
        return {"xy": (p, q), "norms_xy": (), "norms_x_yy": (p,), "norms_y_xx": (q,)}
    assert statistic is Moments or statistic is Factor
    return {name: array.shape for name, array in statistic.zeros(p, q).arrays().items()}


def _sum(parts: Iterable[Summed]) -> Summed:
    return functools.reduce(operator.add, parts)
