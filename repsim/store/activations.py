"""Activations of one layer of one network: a Zarr array (examples, positions, neurons).

A shard holds a block of examples with all their positions and neurons, and is written once, whole,
by one writer. A hole in the array reads as NaN, which is never a valid activation.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import zarr
from zarr.abc.store import Store as ZarrStore
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.core.buffer import Buffer
from zarr.storage import WrapperStore

from repsim.errors import InputError, StoreError
from repsim.store.artifact import Artifact, Draft, Marker
from repsim.store.location import Store

__all__ = ["ActivationWriter", "Activations", "examples_per_file"]

KIND = "activations"
ARRAY = "activations"
IDS = "examples.json"
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
        positions: int,
        neurons: int,
        dtype: str,
    ) -> None:
        self._draft: Draft = artifact.draft()
        self._layer = layer
        self._ids = tuple(ids)
        self._shape = (len(self._ids), positions, neurons)
        per_chunk, self._per_shard = examples_per_file(
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
            shards=(self._per_shard, positions, neurons),
            compressors=[ZstdCodec(level=1), Crc32cCodec()],
            fill_value=float("nan"),
            dimension_names=("example", "position", "neuron"),
            config={"write_empty_chunks": True},
        )
        self._pending: list[np.ndarray] = []
        self._received = 0
        self._written = 0

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
        if block.dtype != self._array.dtype:
            with np.errstate(over="ignore"):
                block = block.astype(self._array.dtype)
        finite = np.isfinite(block).all(axis=(1, 2))
        if not finite.all():
            example = self._ids[self._received + int(np.argmin(finite))]
            raise InputError(
                f"Expected finite activations of type {self._array.dtype} in layer {self._layer}. "
                f"Got NaN or infinity first at example {example}. The network diverged, or "
                "its values are too large for float16: set capture.dtype to float32."
            )
        self._pending.append(block)
        self._received += len(block)
        while self._received - self._written >= self._per_shard:
            self._write(self._per_shard)

    def publish(self, facts: Mapping[str, Any]) -> Marker:
        """Write the rest and publish."""
        if self._received != len(self._ids):
            raise InputError(
                f"Expected {len(self._ids)} examples in layer {self._layer}. Got {self._received}."
            )
        if self._received > self._written:
            self._write(self._received - self._written)
        self._draft.write(IDS, json.dumps(self._ids).encode())
        examples, positions, neurons = self._shape
        shape = {"examples": examples, "positions": positions, "neurons": neurons}
        return self._draft.publish({**facts, "layer": self._layer, **shape})

    def _write(self, examples: int) -> None:
        joined = np.concatenate(self._pending) if len(self._pending) > 1 else self._pending[0]
        self._array[self._written : self._written + examples] = joined[:examples]
        rest = joined[examples:]
        # A copy, so that the written part can be freed.
        self._pending = [rest.copy()] if len(rest) else []
        self._written += examples


class Recording(WrapperStore[ZarrStore]):
    """Notes the hash of every file that passes through."""

    def __init__(self, store: ZarrStore, draft: Draft) -> None:
        super().__init__(store)
        self._draft = draft

    def _with_store(self, store: ZarrStore) -> "Recording":
        return Recording(store, self._draft)

    async def set(self, key: str, value: Buffer) -> None:
        await super().set(key, value)
        self._draft.note(key, value.to_bytes())

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        await self.set(key, value)


@dataclass(frozen=True)
class Activations:
    """The published activations of a layer."""

    store: Store
    key: str

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
        return tuple(json.loads(self.artifact.read(IDS)))

    @cached_property
    def array(self) -> "zarr.Array[Any]":
        """The Zarr array (examples, positions, neurons), read-only."""
        folder = self.artifact.path(self.marker, "").rstrip("/")
        # Zarr checks the chunks but not the metadata: another shape would be believed.
        self.artifact.read(f"{ARRAY}/zarr.json")
        try:
            store = self.store.zarr(folder, read_only=True)
            return zarr.open_array(store, path=ARRAY, mode="r", zarr_format=3)
        except StoreError:
            raise
        except Exception as problem:
            raise self.artifact.damaged(str(problem)) from problem

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
        array = self.array
        for first in range(start, stop, examples):
            last = min(first + examples, stop)
            try:
                block = np.asarray(array[first:last])
            except StoreError:
                raise
            except Exception as problem:
                raise self.artifact.damaged(str(problem)) from problem
            # One NaN makes the sum NaN: cheaper than looking at each value.
            if not np.isfinite(block.sum(dtype=np.float64)):
                raise self.artifact.damaged(f"a hole in examples {first} to {last}")
            yield block.reshape(-1, block.shape[-1])
