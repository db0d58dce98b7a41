"""Activations of one layer of one network: a Zarr array (examples, positions, neurons).

A shard holds a block of examples with all their positions and neurons, and is written once, whole,
by one writer. A hole in the array reads as NaN, which is never a valid activation.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeVar

import numpy as np
import zarr
from pydantic import TypeAdapter
from zarr.abc.store import Store as ZarrStore
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.core.buffer import Buffer
from zarr.storage import WrapperStore

from repsim.errors import InputError, StoreError
from repsim.origin import Origin
from repsim.store.artifact import Artifact, Draft, Marker
from repsim.store.location import Store
from repsim.store.shards import Shard

__all__ = ["ActivationWriter", "Activations", "examples_per_file"]

Values = TypeVar("Values", tuple[str, ...], list[int])

KIND = "activations"
ARRAY = "activations"
IDS = "examples.json"
LABELS = "labels.json"
_IDS: TypeAdapter[list[str]] = TypeAdapter(list[str])
_LABELS: TypeAdapter[list[int]] = TypeAdapter(list[int])
ORIGIN = "origin.npz"
# Chunks of a few MB are read at full speed; a shard is what a writer holds in memory per layer.
CHUNK_BYTES = 4 * 2**20
SHARD_BYTES = 32 * 2**20


def examples_per_file(
    examples: int, *, positions: int, neurons: int, dtype: str
) -> tuple[int, int]:
    """How many examples a chunk and a shard hold."""
    example_bytes = positions * neurons * np.dtype(dtype).itemsize
    per_chunk = max(1, min(examples, CHUNK_BYTES // example_bytes))
    chunk_bytes = max(CHUNK_BYTES, per_chunk * example_bytes)
    chunks = max(1, min(SHARD_BYTES // chunk_bytes, math.ceil(examples / per_chunk)))
    return per_chunk, per_chunk * chunks


class ActivationWriter:
    """Writes the activations of one layer block by block, and publishes them when complete.

    Parameters
    ----------
    artifact
        Where they go.
    layer
        Name of the layer, for messages.
    ids
        Id of every example, in the order in which blocks will be appended.
    labels
        Class of every example, in that order; None where there are no classes.
    positions, neurons
        Shape of one example.
    dtype
        ``float32`` or ``float16``.
    """

    def __init__(
        self,
        artifact: Artifact,
        *,
        layer: str,
        ids: Sequence[str],
        labels: Sequence[int] | None = None,
        positions: int,
        neurons: int,
        dtype: str,
    ) -> None:
        self._draft: Draft = artifact.draft()
        self._layer = layer
        self._ids = tuple(ids)
        self._labels = labels
        self._shape = (len(self._ids), positions, neurons)
        per_chunk, per_shard = examples_per_file(
            len(self._ids), positions=positions, neurons=neurons, dtype=dtype
        )
        store = Recording(
            artifact.store.zarr(self._draft.folder, read_only=False), draft=self._draft
        )
        self._array: zarr.Array[Any] = zarr.create_array(
            store,
            name=ARRAY,
            shape=self._shape,
            dtype=dtype,
            chunks=(per_chunk, positions, neurons),
            shards=(per_shard, positions, neurons),
            compressors=[ZstdCodec(level=1), Crc32cCodec()],
            fill_value=float("nan"),
            dimension_names=("example", "position", "neuron"),
            config={"write_empty_chunks": True},
        )
        # One shard, filled and written over and over: fresh memory costs more than the copy.
        self._shard = np.empty((per_shard, positions, neurons), dtype)
        self._received = 0
        self._origin: Origin | None = None

    def append(self, block: np.ndarray) -> None:
        """Take the next examples, (b, positions, neurons); whole shards are written at once.

        Raises
        ------
        InputError
            When a value is not finite, or too large for the data type of the array.
        """
        if block.shape[1:] != self._shape[1:]:
            raise InputError(
                f"Expected blocks of shape (b, {self._shape[1]}, {self._shape[2]}) for layer "
                f"{self._layer}. Got {block.shape}."
            )
        first = 0
        while first < len(block):
            held = self._received % len(self._shard)
            part = self._shard[held : held + len(block) - first]
            with np.errstate(over="ignore"):
                part[...] = block[first : first + len(part)]
            if not _is_finite(part):
                raise self._not_finite(part)
            first += len(part)
            self._received += len(part)
            if held + len(part) == len(self._shard):
                self._write(len(self._shard))

    def publish(self, facts: Mapping[str, Any]) -> Marker:
        """Write the rest and publish."""
        if self._received != len(self._ids):
            raise InputError(
                f"Expected {len(self._ids)} examples in layer {self._layer}. Got {self._received}."
            )
        if self._received % len(self._shard):
            self._write(self._received % len(self._shard))
        self._draft.write(IDS, json.dumps(self._ids).encode())
        if self._labels is not None:
            self._draft.write(LABELS, json.dumps([int(label) for label in self._labels]).encode())
        examples, positions, neurons = self._shape
        shape = {"examples": examples, "positions": positions, "neurons": neurons}
        return self._draft.publish({**facts, "layer": self._layer, **shape})

    def _write(self, examples: int) -> None:
        if self._origin is None:
            self._origin = Origin.of(self._shard[:examples].reshape(-1, self._shape[2]))
            self._draft.write_arrays(ORIGIN, self._origin.arrays())
        self._array[self._received - examples : self._received] = self._shard[:examples]

    def _not_finite(self, part: np.ndarray) -> InputError:
        finite = np.isfinite(part).all(axis=(1, 2))
        example = self._ids[self._received + int(np.argmin(finite))]
        why = (
            "Its values are too large for float16, or not finite either: set capture.dtype to "
            "float32."
            if part.dtype == np.float16
            else "The layer divides by zero or masks with infinity, or the network diverged: leave "
            "the layer out of capture.layers."
        )
        return InputError(
            f"Expected finite activations of type {part.dtype} in layer {self._layer}. "
            f"Got NaN or infinity first at example {example}. {why}"
        )


class Recording(WrapperStore[ZarrStore]):
    """Notes the hash of every file that passes through."""

    def __init__(self, store: ZarrStore, draft: Draft) -> None:
        super().__init__(store)
        self._draft = draft

    def _with_store(self, store: ZarrStore) -> "Recording":
        return Recording(store, self._draft)

    async def set(self, key: str, value: Buffer) -> None:
        await super().set(key, value)
        self._draft.note(key, value.as_buffer_like())

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        await self.set(key, value)


@dataclass(frozen=True)
class Activations:
    """The published activations of a layer.

    Parameters
    ----------
    store, key
        Where they are.
    expected
        Examples, positions and neurons that they must have; by default what the marker says.
    """

    store: Store
    key: str
    expected: tuple[int, int, int] | None = None

    @property
    def artifact(self) -> Artifact:
        """The artifact that holds them."""
        return Artifact(self.store, KIND, self.key)

    @cached_property
    def marker(self) -> Marker:
        """Its marker."""
        return self.artifact.marker()

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Example ids, in the order of the array."""
        ids = tuple(self.artifact.read_json(IDS, _IDS, self.marker))
        return self._one_for_each_example(ids, IDS)

    @cached_property
    def origin(self) -> Origin:
        """About which sums of the layer are taken: the same in all tasks and for all pairs."""
        shapes = {"shift": self.shape[2:], "unit": (2,)}
        return Origin.from_mapping(self.artifact.read_arrays(ORIGIN, self.marker, shapes=shapes))

    @cached_property
    def labels(self) -> np.ndarray | None:
        """Class of each example, int64 (n,); None where there are no classes."""
        if not any(part.name == LABELS for part in self.marker.parts):
            return None
        labels = self.artifact.read_json(LABELS, _LABELS, self.marker)
        return np.array(self._one_for_each_example(labels, LABELS), dtype=np.int64)

    def _one_for_each_example(self, values: Values, name: str) -> Values:
        if len(values) != self.shape[0]:
            raise self.artifact.damaged(f"{len(values)} of {self.shape[0]} examples in {name}")
        return values

    @cached_property
    def array(self) -> "zarr.Array[Any]":
        """The Zarr array (examples, positions, neurons), read-only."""
        folder = self.artifact.path(self.marker, "").rstrip("/")
        # Zarr checks the chunks but not the metadata: another shape would be believed.
        self.artifact.read(f"{ARRAY}/zarr.json", self.marker)
        try:
            store = self.store.zarr(folder, read_only=True)
            array = zarr.open_array(store, path=ARRAY, mode="r", zarr_format=3)
        except StoreError:
            raise
        except Exception as problem:
            raise self.artifact.damaged(str(problem)) from problem
        facts = self.marker.facts
        shape = self.expected or tuple(facts.get(n) for n in ("examples", "positions", "neurons"))
        if array.dtype.kind != "f" or array.shape != shape:
            raise self.artifact.damaged(
                f"an array of {array.dtype} and shape {array.shape}, not of shape {shape}"
            )
        return array

    @property
    def shape(self) -> tuple[int, int, int]:
        """Examples, positions, neurons."""
        examples, positions, neurons = self.array.shape
        return examples, positions, neurons

    @property
    def examples_per_shard(self) -> int:
        """How many examples one file holds."""
        return int((self.array.shards or self.array.chunks)[0])

    def blocks(self, start: int, stop: int, examples: int) -> Iterator[np.ndarray]:
        """Samples × neurons, for `examples` examples at a time from `start` to `stop`.

        Raises
        ------
        IntegrityError
            When a part is missing or is not what was written.
        """
        shards: dict[int, Shard] = {}
        for first in range(start, stop, examples):
            # No block is held here while the caller works: it decides how long one lives.
            yield self._block(first, min(first + examples, stop), shards)

    def _block(self, first: int, last: int, shards: dict[int, Shard]) -> np.ndarray:
        """Read a block. `shards` keeps a shard that the next block goes on with."""
        per_chunk, per_shard = self.array.chunks[0], self.examples_per_shard
        begin = first // per_chunk
        end = math.ceil(last / per_chunk)
        chunks = np.empty((end - begin, *self.array.chunks), self.array.dtype)
        examples = chunks.reshape(-1, *self.shape[1:])
        block = examples[first - begin * per_chunk : last - begin * per_chunk]
        # A chunk of another array that is too short for this one leaves its last value as it was.
        chunks[:, -1, -1, -1] = block[-1, -1, -1] = np.nan
        for place, chunk in zip(chunks, range(begin, end), strict=True):
            number, within = divmod(chunk, per_shard // per_chunk)
            if number not in shards:
                shards.clear()
                shards[number] = self._shard(number)
            try:
                shards[number].decode(within, place)
            except (ValueError, RuntimeError) as problem:
                raise self.artifact.damaged(f"{problem} in {self._path(number)}") from problem
            # While the chunk is still at hand: to go over all of the block once more takes longer.
            examples_here = slice(max(0, first - chunk * per_chunk), last - chunk * per_chunk)
            if not _is_finite(place[examples_here]):
                raise self.artifact.damaged(f"NaN or infinity in examples {first} to {last}")
        if last % per_shard == 0:
            shards.clear()
        return block.reshape(-1, block.shape[-1])

    def _path(self, number: int) -> str:
        return self.artifact.path(self.marker, f"{ARRAY}/c/{number}/0/0")

    def _shard(self, number: int) -> Shard:
        path = self._path(number)
        chunks = self.examples_per_shard // self.array.chunks[0]
        if self.store.is_local:
            size = self.store.size(path)
            if size is not None:
                fetch = partial(self._part, path)
                return Shard(fetch=fetch, size=size, chunks=chunks)
        else:
            content = self.store.view(path)  # one request, not one for each chunk
            if content is not None:
                return Shard(fetch=partial(_slice, content), size=len(content), chunks=chunks)
        raise self.artifact.damaged(f"nothing at {path}")

    def _part(self, path: str, start: int, stop: int) -> memoryview:
        content = self.store.part(path, start, stop)
        if content is None:
            raise self.artifact.damaged(f"nothing at {path}")
        return content


def _slice(content: memoryview, start: int, stop: int) -> memoryview:
    return content[start:stop]


def _is_finite(values: np.ndarray) -> bool:
    """Whether all values are finite, by their bits: numpy has no fast loop for float16.

    Read as integers, floats of one sign are in order of magnitude, with infinity and NaN last.
    """
    signed, unsigned = (values.view(f"{kind}{values.itemsize}") for kind in "iu")
    infinity = np.array([np.inf, -np.inf], values.dtype)
    return bool(
        signed.max() < infinity.view(signed.dtype)[0]
        and unsigned.max() < infinity.view(unsigned.dtype)[1]
    )
