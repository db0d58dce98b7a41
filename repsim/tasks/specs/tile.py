"""Several networks at one layer, whose activations are read once for all their pairs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from repsim.store import artifact_key
from repsim.tasks.examples import summary_bytes
from repsim.tasks.specs.comparison import MOMENTS_VERSION, PROCESS_BYTES, ComparisonSpec
from repsim.tasks.specs.layer import LayerSpec

__all__ = ["TileSpec", "tiles_of"]

# Networks of a tile on either side: as many as keep what a task holds below this, and no more
# than so many, since a task is to take a minute at most.
TILE_BYTES = 2**30
MOST_NETWORKS = 4

# What of each network is in float64 at a time.
WIDENED_BYTES = 16 * 2**20


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

    def without(self, failed: Collection[str]) -> "TileSpec | None":
        """The comparisons that need none of these networks and layers, given by their keys."""
        left = tuple(
            spec
            for spec in self.comparisons
            if not any({side.key, side.network.key} & set(failed) for side in spec.layers)
        )
        return TileSpec(comparisons=left) if left else None

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
        parameters = {"of": [spec.resamples_key for spec in self.comparisons]}
        return artifact_key("tiles", MOMENTS_VERSION, parameters)

    def part_key(self, start: int, stop: int) -> str:
        """The key of its moments over a range of examples."""
        parameters = {"tile": self.key, "start": start, "stop": stop}
        return artifact_key("tiles", MOMENTS_VERSION, parameters)

    @property
    def memory(self) -> int:
        """Bytes that the largest task needs, its process included."""
        needed = [spec.memory for spec in self.comparisons]
        needed.append(_reducing(self.comparisons, self.layers))
        if any(spec.of_examples for spec in self.comparisons):
            count = min(self.comparisons[0].examples, self.layers[0].examples)
            needed += [
                PROCESS_BYTES + summary_bytes(count, layer.positions, layer.neurons)
                for layer in self.layers
            ]
        return max(needed)


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

    Fitted to measured peaks; `tests/repsim/tasks/test_memory.py` holds it to a factor of 1.5.
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
