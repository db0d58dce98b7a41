"""Activations → moments: one pass for all pairs of a tile, with groups of examples and the null.

Every function takes plain values, looks first for its own output, publishes what is worth keeping,
and returns a key. So any engine can run it, in any process, as often as it likes.
"""

import functools
import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from repsim.errors import IntegrityError
from repsim.moments import Factor, Moments, Permuted, TileSums
from repsim.store import Activations, Artifact, Store
from repsim.tasks.specs import ComparisonSpec, LayerSpec, TileSpec

__all__ = [
    "captured",
    "class_labels",
    "collect_moments",
    "discard_parts",
    "paired_blocks",
    "reduce_tile",
    "stored_group",
    "stored_moments",
    "stored_permuted",
    "stored_source",
]

ARRAYS = "arrays.npz"

# Numbers of one layer that are widened to float64 at a time.
SLICE_ELEMENTS = 2**21

Summed = TypeVar("Summed", Moments, Permuted)
Stored = TypeVar("Stored", Moments, Permuted, Factor)

Sides = tuple[int, int]
Shapes = dict[str, tuple[int, ...]]


def reduce_tile(location: str, tile: TileSpec, start: int, stop: int) -> str:
    """Moments of a range of examples for every pair of the tile that lacks them; returns its key.

    Published are, for each pair, the moments of each group of examples that the range has a part
    of, and those of each permutation of examples within the range.

    Raises
    ------
    IntegrityError
        When activations are damaged, or belong to different examples.
    """
    store, key = Store(location), tile.part_key(start, stop)
    part = Artifact(store, "tiles", key)
    lacking = [spec for spec in tile.comparisons if _lacks_moments(store, spec)]
    if not lacking or part.exists():
        return key
    layers = [captured(store, layer) for layer in tile.layers]
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
    draft = part.draft()
    for first, shards in _shards(layers, start, stop):
        if labels is not None:
            count = len(shards[0]) // spec.x.positions
            sums.permute(shards, labels[first : first + count])
        for group, complete, blocks in _slices(layers, shards, spec.group_borders, first, stop):
            sums.update(blocks)
            if complete:
                for pair, moments in zip(lacking, sums.cut(), strict=True):
                    draft.write_arrays(f"{pair.moments_key}/{_group(group)}", moments.arrays())
        del shards, blocks  # before the next are read
    for pair, nulls in zip(lacking, sums.finish(), strict=True):
        for number, permuted in enumerate(nulls):
            draft.write_arrays(f"{pair.moments_key}/{_null(number)}", permuted.arrays())
    draft.publish()
    return key


def collect_moments(location: str, spec: ComparisonSpec, parts: Sequence[str]) -> str:
    """The moments of a pair over all examples, from the parts of its tile; returns their key.

    Beside them, under another key, those of each group and permutation of examples, as long as they
    are of use.
    """
    store = Store(location)
    if not _lacks_moments(store, spec):
        return spec.moments_key
    tiles = [Artifact(store, "tiles", part) for part in parts]
    files = [{part.name for part in tile.marker().parts} for tile in tiles]

    def read(name: str, statistic: type[Summed]) -> Iterator[Summed]:
        path = f"{spec.moments_key}/{name}"
        for tile, there in zip(tiles, files, strict=True):
            if path in there:
                yield _read(tile, path, statistic, spec.sides)

    resamples = Artifact(store, "resamples", spec.resamples_key).draft()
    total = Moments.zeros(spec.x.neurons, spec.y.neurons)
    for group in range(len(spec.group_borders) - 1):
        moments = _sum(read(_group(group), Moments))
        total = total + moments
        if spec.groups:
            resamples.write_arrays(_group(group), moments.arrays())
    if total.count != spec.x.examples * spec.x.positions:
        # Something was published of this pair between two passes: its part knows nothing of it.
        raise tiles[0].damaged(f"moments of {total.count} samples only of {spec.label}")
    for number in range(len(spec.order.nulls)):
        permuted = _sum(read(_null(number), Permuted))
        resamples.write_arrays(_null(number), permuted.arrays())
    if resamples.parts:
        resamples.publish()
    draft = Artifact(store, "moments", spec.moments_key).draft()
    draft.write_arrays(ARRAYS, total.arrays())
    draft.publish()
    return spec.moments_key


def class_labels(layer: Activations) -> np.ndarray:
    """The class of each example of a layer of which it is known."""
    if layer.labels is None:
        raise layer.artifact.damaged("no classes of its examples")
    return layer.labels


def discard_parts(location: str, parts: Sequence[str], collected: Sequence[str]) -> None:
    """Remove what was put together: the parts of wide layers would fill the disk.

    `collected` are the keys of the moments that were made of them.
    """
    del collected
    for part in parts:
        Artifact(Store(location), "tiles", part).discard()


def captured(store: Store, layer: LayerSpec) -> Activations:
    """The activations of a layer, which must have its shape."""
    shape = (layer.examples, layer.positions, layer.neurons)
    return Activations(store, layer.key, expected=shape)


def stored_moments(store: Store, key: str, sides: Sides | None = None) -> Moments:
    """Published moments; `sides` are the neurons of X and Y where they are known."""
    return _read(Artifact(store, "moments", key), ARRAYS, Moments, sides)


def stored_group(store: Store, key: str, group: int, sides: Sides | None = None) -> Moments:
    """The moments of a group of examples."""
    return _read(Artifact(store, "resamples", key), _group(group), Moments, sides)


def stored_permuted(store: Store, key: str, number: int, sides: Sides | None = None) -> Permuted:
    """What differs in the moments where Y's examples were permuted, within their classes last."""
    return _read(Artifact(store, "resamples", key), _null(number), Permuted, sides)


def stored_source(store: Store, key: str, sides: Sides | None = None) -> Moments | Factor:
    """The factor where a profile needed it, the moments elsewhere."""
    factor = Artifact(store, "factors", key)
    if factor.exists():
        return _read(factor, ARRAYS, Factor, sides)
    return stored_moments(store, key, sides)


def _read(artifact: Artifact, name: str, statistic: type[Stored], sides: Sides | None) -> Stored:
    """A statistic from a file of an artifact, of layers with that many neurons."""
    arrays = artifact.read_arrays(name, shapes=_shapes(statistic, *sides) if sides else None)
    with artifact.as_expected(name):
        return statistic.from_mapping(arrays)


def _shapes(statistic: type[Moments | Permuted | Factor], p: int, q: int) -> Shapes:
    if statistic is Permuted:
        return {"xy": (p, q), "norms_xy": (), "norms_x_yy": (p,), "norms_y_xx": (q,)}
    assert statistic is Moments or statistic is Factor
    return {name: array.shape for name, array in statistic.zeros(p, q).arrays().items()}


def paired_blocks(x: Activations, y: Activations) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All samples of two layers, some examples at a time."""
    step = min(x.examples_per_shard, y.examples_per_shard)
    examples = x.shape[0]
    return zip(x.blocks(0, examples, step), y.blocks(0, examples, step), strict=True)


def _lacks_moments(store: Store, spec: ComparisonSpec) -> bool:
    """Whether a pass over the activations is needed: for moments that nothing else can give."""
    if not Artifact(store, "moments", spec.moments_key).exists():
        return True
    if not (spec.groups or spec.permutations):
        return False
    if Artifact(store, "resamples", spec.resamples_key).exists():
        return False
    return not all(artifact.exists() for artifact in spec.resampled(store))


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


def _sum(parts: Iterable[Summed]) -> Summed:
    return functools.reduce(operator.add, parts)


def _group(number: int) -> str:
    return f"group-{number:02d}.npz"


def _null(number: int) -> str:
    return f"null-{number:03d}.npz"
