"""Several networks at one layer, whose activations are read once for all their pairs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from repsim.errors import IntegrityError
from repsim.graph import PROCESS_BYTES, Cost, Node, Product, on_store
from repsim.moments import TileSums
from repsim.stages.activations import LayerSpec, class_labels, stored_activations
from repsim.stages.comparison import MOMENTS_VERSION, ComparisonSpec
from repsim.store import Activations, Artifact, Store, artifact_folder, artifact_key

if TYPE_CHECKING:
    from repsim.stages.plan import StudyPlan

__all__ = ["TileSpec", "group_file", "nodes", "null_file", "part_file", "reduce_tile", "tiles_of"]

KINDS = ("tiles",)

# Networks of a tile on either side: as many as keep what a task holds below this, and no more
# than so many, since a task is to take a minute at most.
TILE_BYTES = 2**30
MOST_NETWORKS = 4

# What of each network is in float64 at a time.
WIDENED_BYTES = 16 * 2**20
# Numbers of one layer that are widened to float64 at a time.
SLICE_ELEMENTS = 2**21


@dataclass(frozen=True, kw_only=True)
class TileSpec:
    """Comparisons of one layer that are made in one pass over the activations of their networks.

    Of m networks, t on either side of a tile, each block of activations is read ⌈m / t⌉ times.
    """

    comparisons: tuple[ComparisonSpec, ...]

    @property
    def label(self) -> str:
        """Its name in messages."""
        first, *others = self.comparisons
        return f"{first.label}" + (f" and {len(others)} more pairs" if others else "")

    @cached_property
    def layers(self) -> tuple[LayerSpec, ...]:
        """The layers whose activations are read."""
        sides = [side for spec in self.comparisons for side in spec.layers]
        return tuple({side.key: side for side in sides}.values())

    def pairs(self, comparisons: Sequence[ComparisonSpec]) -> list[tuple[int, int]]:
        """Places of both layers of each comparison among `layers`."""
        place = {layer.key: number for number, layer in enumerate(self.layers)}
        return [(place[spec.x.key], place[spec.y.key]) for spec in comparisons]

    @property
    def example_ranges(self) -> list[tuple[int, int]]:
        """Ranges of examples that are reduced by one task each: the same for all its pairs."""
        return self.comparisons[0].example_ranges

    @cached_property
    def key(self) -> str:
        """The key of the tile."""
        parameters = {"of": [spec.resamples_folder for spec in self.comparisons]}
        return artifact_key("tiles", MOMENTS_VERSION, parameters)

    def part_folder(self, start: int, stop: int) -> str:
        """Where its moments over a range of examples are."""
        parameters = {"tile": self.key, "start": start, "stop": stop}
        return artifact_folder("tiles", MOMENTS_VERSION, parameters)

    @cached_property
    def part_folders(self) -> tuple[str, ...]:
        """Where its moments over all ranges of examples are."""
        return tuple(self.part_folder(*span) for span in self.example_ranges)

    @property
    def cost(self) -> Cost:
        """What it takes to read all activations and to sum the products of all pairs."""
        samples = self.layers[0].examples * self.layers[0].positions
        squares = sum(layer.neurons**2 for layer in self.layers)
        products = sum(
            2 * spec.x.neurons * spec.y.neurons * (1 + spec.permutations + spec.within)
            for spec in self.comparisons
        )
        return Cost(
            operations=samples * (squares + products),
            read=sum(layer.bytes for layer in self.layers),
        )

    @property
    def memory(self) -> int:
        """Bytes that a range of examples needs, the process included."""
        return _reducing(self.comparisons, self.layers)


def nodes(plan: "StudyPlan") -> Iterator[Node]:
    """A node for each range of examples of each tile."""
    for tile in plan.tiles:
        of_all = tile.cost
        for start, stop in tile.example_ranges:
            share = (stop - start) / max(1, tile.layers[0].examples)
            yield Node(
                task="reduce",
                label=f"{tile.label}, examples {start} to {stop}",
                makes=(
                    Product(folder=tile.part_folder(start, stop), label=tile.label, temporary=True),
                ),
                needs=tuple(layer.folder for layer in tile.layers),
                make=on_store(reduce_tile, tile, start, stop),
                share=tile.key,
                memory=tile.memory,
                cost=Cost(operations=int(share * of_all.operations), read=int(share * of_all.read)),
            )


def tiles_of(comparisons: Sequence[ComparisonSpec]) -> list[TileSpec]:
    """Share comparisons out among tiles, in the order of their layers."""
    groups: dict[tuple[object, ...], list[ComparisonSpec]] = {}
    places: dict[str, dict[str, int]] = {}
    for spec in comparisons:
        for side in spec.layers:
            at = places.setdefault(side.layer, {})
            at.setdefault(side.network.key, len(at))
    for spec in comparisons:
        width = _networks_of_a_tile(spec)
        tiles = [places[s.layer][s.network.key] // width for s in (spec.x, spec.y)]
        groups.setdefault((*_shape(spec), *sorted(tiles)), []).append(spec)
    return [TileSpec(comparisons=tuple(group)) for group in groups.values()]


def _shape(spec: ComparisonSpec) -> tuple[object, ...]:
    """What comparisons must share to be made in one pass."""
    sides = (spec.x, spec.y)
    shapes = [(s.layer, s.neurons, s.positions, s.examples, s.capture.dtype) for s in sides]
    return (*shapes, spec.groups, spec.permutations, spec.within)


def _networks_of_a_tile(spec: ComparisonSpec) -> int:
    """How many networks on either side: a matter of the shapes alone."""
    for networks in range(MOST_NETWORKS, 1, -1):
        layers = [spec.x, spec.y] * networks
        if _reducing([spec] * networks**2, layers) <= TILE_BYTES:
            return networks
    return 1


def _reducing(comparisons: Sequence[ComparisonSpec], layers: Sequence[LayerSpec]) -> int:
    """Bytes of a task that reads a shard of each layer and adds up the moments of all pairs.

    Fitted to measured peaks; `tests/repsim/stages/test_memory.py` holds it to a factor of 1.5.
    """
    shards = [layer.examples_per_shard * layer.bytes // max(1, layer.examples) for layer in layers]
    squares = sum(2 * layer.neurons**2 for layer in layers)
    pairs = [spec.x.neurons * spec.y.neurons for spec in comparisons]
    products = sum(
        (2 + s.permutations + s.within) * pq for s, pq in zip(comparisons, pairs, strict=True)
    )
    sums = 8 * (squares + products) + 48 * max(pairs)  # with those that are being written
    # Beside a block of each network, one of its permuted examples.
    widened = len(layers) * WIDENED_BYTES * (2 if any(s.within for s in comparisons) else 1)
    return sum(shards) + 2 * max(shards) + widened + sums + PROCESS_BYTES


def part_file(pair: ComparisonSpec, name: str) -> str:
    """The name of a file of one pair of a tile."""
    return f"{pair.moments_folder.partition('/')[2]}/{name}"


def group_file(number: int) -> str:
    """The name of the file of a group of examples."""
    return f"group-{number:02d}.npz"


def null_file(number: int) -> str:
    """The name of the file of a permutation."""
    return f"null-{number:03d}.npz"


def reduce_tile(store: Store, tile: TileSpec, start: int, stop: int) -> None:
    """Sum a range of examples for every pair of the tile that lacks its moments.

    Published are, for each pair, the moments of each group of examples that the range has a part
    of, and those of each permutation of examples within the range.

    Raises
    ------
    IntegrityError
        When activations are damaged, or belong to different examples.
    """
    lacking = [spec for spec in tile.comparisons if _lacks_moments(store, spec)]
    layers = [stored_activations(store, layer) for layer in tile.layers]
    _check_examples(layers)
    spec = lacking[0]
    labels = class_labels(layers[0]) if spec.within else None
    sums = TileSums(
        [layer.shape[2] for layer in layers],
        tile.pairs(lacking),
        examples=stop - start,
        positions=spec.x.positions,
        permutations=spec.permutations,
        origins=[layer.origin for layer in layers],
    )
    draft = Artifact.at(store, tile.part_folder(start, stop)).draft()
    for first, shards in _shards(layers, start, stop):
        if labels is not None:
            count = len(shards[0]) // spec.x.positions
            sums.permute(shards, labels[first : first + count])
        for group, complete, blocks in _slices(layers, shards, spec.group_borders, first, stop):
            sums.update(blocks)
            if complete:
                for pair, moments in zip(lacking, sums.cut(), strict=True):
                    draft.write_arrays(part_file(pair, group_file(group)), moments.arrays())
        del shards, blocks  # before the next are read
    for pair, nulls in zip(lacking, sums.finish(), strict=True):
        for number, permuted in enumerate(nulls):
            draft.write_arrays(part_file(pair, null_file(number)), permuted.arrays())
    draft.publish(lasting=False)


def _lacks_moments(store: Store, spec: ComparisonSpec) -> bool:
    """Whether a pass over the activations is needed: for moments that nothing else can give."""
    if not Artifact.at(store, spec.moments_folder).exists():
        return True
    if not spec.order.count > 1 or Artifact.at(store, spec.resamples_folder).exists():
        return False
    resampled = (Artifact.at(store, folder) for folder in spec.resampled_folders)
    return not all(artifact.exists() for artifact in resampled)


def _check_examples(layers: Sequence[Activations]) -> None:
    first, *others = layers
    for other in others:
        if other.ids != first.ids:
            raise IntegrityError(
                "Expected the same examples in the same order. Got "
                f"{len(first.ids)} in {first.artifact.folder} and {len(other.ids)} in "
                f"{other.artifact.folder}, and the lists differ. Delete both folders and run again."
            )


def _shards(
    layers: Sequence[Activations], start: int, stop: int
) -> Iterator[tuple[int, list[np.ndarray]]]:
    """A shard of each layer, samples × neurons, with its first example; each is read once."""
    step = min(layer.examples_per_shard for layer in layers)
    reading = [layer.blocks(start, stop, step) for layer in layers]
    for first in range(start, stop, step):
        yield first, [next(blocks) for blocks in reading]


def _slices(
    layers: Sequence[Activations],
    shards: Sequence[np.ndarray],
    borders: Sequence[int],
    first: int,
    stop: int,
) -> Iterator[tuple[int, bool, list[np.ndarray]]]:
    """The samples of shards, some whole examples of one group at a time.

    Yields the group, whether it ends here (or the range does), and the samples of each layer.
    """
    positions = layers[0].shape[1]
    widest = max(layer.shape[2] for layer in layers)
    most = max(1, SLICE_ELEMENTS // (positions * widest))
    begin, last = first, first + len(shards[0]) // positions
    group = int(np.searchsorted(borders, first, side="right")) - 1
    while first < last:
        end = min(first + most, last, borders[group + 1])
        rows = slice((first - begin) * positions, (end - begin) * positions)
        complete = end in (borders[group + 1], stop)
        yield group, complete, [shard[rows] for shard in shards]
        group += end == borders[group + 1]
        first = end
