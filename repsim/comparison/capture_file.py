"""A capture in Zarr: chunks first, what makes it a group last."""

import json
import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.abc.store import ByteRequest
from zarr.abc.store import Store as ZarrStore
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import WrapperStore

from repsim.activation_files import LENGTHS
from repsim.array_files import CAPTURE, CAPTURING
from repsim.errors import InputError
from repsim.store import Store, examples_per_file

__all__ = ["CaptureFile", "LayerWriter"]

METADATA = "zarr.json"


@dataclass(frozen=True, kw_only=True)
class CaptureFile:
    """Where a capture goes.

    Without ``zarr.json`` no folder is a Zarr group or array. All of these are held back until the
    chunks are on the disk, that of the group to the end: a capture that was stopped cannot be
    opened. Until then, a note says what is being captured.

    Parameters
    ----------
    store, name
        A folder or bucket, and the name in it.
    """

    store: Store
    name: str

    @classmethod
    def at(cls, output: str | Path) -> "CaptureFile":
        """At a path or URL.

        Raises
        ------
        InputError
            When its name does not end in ``.zarr``, or it is a file.
        """
        text = str(output) if "://" in str(output) else str(Path(output).absolute())
        location, _, name = text.rstrip("/").rpartition("/")
        if not name.endswith(".zarr"):
            raise InputError(
                f"Expected an output that ends in .zarr. Got {output}. Name the folder "
                f"{name or 'activations'}.zarr."
            )
        if "://" not in text and Path(text).is_file():
            raise InputError(f"Expected a .zarr folder as the output. Got {output}, a file.")
        return cls(store=Store(location or "/"), name=name)

    @property
    def location(self) -> str:
        """Path or URL."""
        return f"{self.store.location.rstrip('/')}/{self.name}"

    def complete(self) -> dict[str, Any] | None:
        """What a complete capture is of; None where there is none.

        Raises
        ------
        InputError
            When something else is there.
        """
        metadata = self.store.read(f"{self.name}/{METADATA}")
        if metadata is None:
            return None
        try:
            settings = json.loads(metadata)["attributes"][CAPTURE]
            assert isinstance(settings, dict)
        except (ValueError, KeyError, TypeError, AssertionError):
            raise self.of_another(
                "a Zarr array or group that repsim.capture did not write"
            ) from None
        return settings

    def begin(self, settings: Mapping[str, Any]) -> str:
        """Remove what the same call has left when it was stopped, and note what is captured.

        Returns
        -------
        str
            A token of this attempt, which `publish` and `abandon` take.

        Raises
        ------
        InputError
            When something else is there.
        """
        there = self.store.sizes(f"{self.name}/")
        note = self._note()
        if note is None and there:
            first = next(iter(there)).removeprefix(f"{self.name}/")
            raise self.of_another(f"a folder with {first}")
        if note is not None and note.get("settings") != settings:
            raise self.of_another("a stopped capture of another model, or with other settings")
        self.store.clear(self.name)
        token = secrets.token_hex(8)
        self.store.write(
            f"{self.name}/{CAPTURING}", _text({"settings": settings, "attempt": token})
        )
        return token

    def _note(self) -> dict[str, Any] | None:
        """What is being captured here, and by which attempt."""
        content = self.store.read(f"{self.name}/{CAPTURING}")
        if content is None:
            return None
        try:
            note = json.loads(content)
        except ValueError:
            note = None
        return note if isinstance(note, dict) else {}

    def _is_of(self, token: str) -> bool:
        note = self._note()
        return note is not None and note.get("attempt") == token

    def of_another(self, what: str) -> InputError:
        """The error where something else is there."""
        return InputError(
            f"Expected nothing at {self.location}, or the same capture. Got {what}. Remove it, or "
            "choose another output."
        )

    def abandon(self, token: str) -> None:
        """Remove all that an attempt has written, unless another has begun."""
        if self._is_of(token):
            self.store.clear(self.name)

    def publish(
        self, writers: Mapping[str, "LayerWriter"], settings: Mapping[str, Any], token: str
    ) -> None:
        """Write what is left of each layer, and make it a group.

        Raises
        ------
        InputError
            When another process has begun to capture here: it removed what was written.
        """
        metadata = {layer: writer.finish() for layer, writer in writers.items()}
        self.store.flush(self.name)
        if not self._is_of(token):
            raise self.of_another("a capture that another process has begun meanwhile")
        for layer, content in metadata.items():
            self.store.write(f"{self.name}/{layer}/{METADATA}", content)
        self.store.flush(self.name)
        of_group = {"zarr_format": 3, "node_type": "group", "attributes": {CAPTURE: settings}}
        self.store.write(f"{self.name}/{METADATA}", _text(of_group))
        self.store.flush(f"{self.name}/{METADATA}")
        self.finish()

    def finish(self) -> None:
        """Remove the note of what is being captured: it is complete."""
        self.store.delete(f"{self.name}/{CAPTURING}")


class LayerWriter:
    """Writes a layer shard by shard, each chunk with its checksum, as the store of studies does.

    Parameters
    ----------
    file, layer
        Where it goes.
    shape
        Of an example: (neurons,) or (positions, neurons).
    """

    def __init__(self, file: CaptureFile, layer: str, shape: tuple[int, ...]) -> None:
        positions = math.prod(shape[:-1])
        per_chunk, per_shard = examples_per_file(
            2**62, positions=positions, neurons=shape[-1], dtype="float32"
        )
        self._store = _HeldBack(file.store.zarr(f"{file.name}/{layer}", read_only=False))
        self._array: zarr.Array[Any] = zarr.create_array(
            self._store,
            shape=(0, *shape),
            dtype="float32",
            chunks=(per_chunk, *shape),
            shards=(per_shard, *shape),
            compressors=[ZstdCodec(level=1), Crc32cCodec()],
            fill_value=float("nan"),
            dimension_names=("example", "position", "neuron") if len(shape) == 2 else None,
            config={"write_empty_chunks": True},
        )
        self._waiting: list[np.ndarray] = []
        self._held = 0
        self._lengths: list[int] = []

    def append(self, values: np.ndarray, lengths: np.ndarray | None) -> None:
        """Take the next examples; whole shards are written at once."""
        self._waiting.append(values)
        self._held += len(values)
        if lengths is not None:
            self._lengths += lengths.tolist()
        per_shard = int((self._array.shards or self._array.chunks)[0])
        if self._held >= per_shard:
            whole = np.concatenate(self._waiting)
            self._write(whole[: self._held - self._held % per_shard])
            rest = whole[len(whole) - self._held % per_shard :]
            self._waiting, self._held = [rest.copy()], len(rest)

    def finish(self) -> bytes:
        """Write the rest; its metadata, which nobody has written yet."""
        if self._held:
            self._write(np.concatenate(self._waiting))
        if self._lengths:
            self._array.attrs[LENGTHS] = self._lengths
        return self._store.held[METADATA].to_bytes()

    def _write(self, values: np.ndarray) -> None:
        start = self._array.shape[0]
        self._array.resize((start + len(values), *values.shape[1:]))
        self._array[start:] = values


class _HeldBack(WrapperStore[ZarrStore]):
    """Keeps metadata in memory."""

    def __init__(self, store: ZarrStore, held: dict[str, Buffer] | None = None) -> None:
        super().__init__(store)
        self.held: dict[str, Buffer] = {} if held is None else held

    def _with_store(self, store: ZarrStore) -> "_HeldBack":
        return _HeldBack(store, self.held)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        if key in self.held:
            return self.held[key]
        return await super().get(key, prototype, byte_range)

    async def set(self, key: str, value: Buffer) -> None:
        if key.rpartition("/")[2] == METADATA:
            self.held[key] = value
        else:
            await super().set(key, value)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        await self.set(key, value)

    async def delete(self, key: str) -> None:
        if self.held.pop(key, None) is None:
            await super().delete(key)


def _text(settings: Mapping[str, Any]) -> bytes:
    return json.dumps(settings, sort_keys=True).encode()
