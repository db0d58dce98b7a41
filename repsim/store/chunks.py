"""Chunks of a Zarr array that are not in its store, which Zarr reads as the fill value."""

import itertools
import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import zarr
from zarr.codecs import BytesCodec, Crc32cCodec, ShardingCodec
from zarr.storage import LocalStore

__all__ = ["absent_chunks"]

# In the index of a shard, offset and length of a chunk that is not there.
ABSENT = np.uint64(2**64 - 1)


def absent_chunks(array: "zarr.Array[Any]") -> int:
    """How many chunks of an array have nothing in the store, those inside shards included.

    Parameters
    ----------
    array
        Zarr format 2 or 3, in a folder.

    Notes
    -----
    A writer leaves out chunks that hold nothing but the fill value, unless it is told not to. So
    an absent chunk may be sound; but one that was lost looks the same.

    Source: Zarr v3, codec ``sharding_indexed``: 16 bytes for each chunk of a shard, offset and
    length, at its end or start, with or without crc32c. Indexes with other codecs are not looked
    into, and their shards count as whole.
    """
    folder = cast(LocalStore, array.store).root / array.path
    files = array.shards or array.chunks
    per_file = [size // chunk for size, chunk in zip(files, array.chunks, strict=True)]
    total = [math.ceil(size / chunk) for size, chunk in zip(array.shape, array.chunks, strict=True)]
    grid = [math.ceil(count / held) for count, held in zip(total, per_file, strict=True)]
    sharding = next(iter(getattr(array.metadata, "codecs", ())), None)
    absent = 0
    for place in itertools.product(*map(range, grid)):
        file = folder / array.metadata.encode_chunk_key(place)
        # The last shard along an axis reaches over the edge of the array.
        inside = [
            min(held, count - at * held)
            for held, count, at in zip(per_file, total, place, strict=True)
        ]
        if not file.exists():
            absent += math.prod(inside)
        elif isinstance(sharding, ShardingCodec) and _has_plain_index(sharding):
            offsets = _index(file, sharding, math.prod(per_file))[:, 0].reshape(per_file)
            absent += int((offsets[tuple(map(slice, inside))] == ABSENT).sum())
    return absent


def _has_plain_index(sharding: ShardingCodec) -> bool:
    return all(
        isinstance(codec, Crc32cCodec)
        or (isinstance(codec, BytesCodec) and codec.endian is not None)
        for codec in sharding.index_codecs
    )


def _index(file: Path, sharding: ShardingCodec, chunks: int) -> np.ndarray:
    """Offset and length of each chunk of a shard; of a file that is too short, of none."""
    checksum = 4 * sum(isinstance(codec, Crc32cCodec) for codec in sharding.index_codecs)
    length = 16 * chunks + checksum
    with file.open("rb") as shard:
        if sharding.index_location.value == "end":
            shard.seek(max(0, file.stat().st_size - length))
        content = shard.read(16 * chunks)
    if len(content) < 16 * chunks:
        return np.zeros((chunks, 2), np.uint64)  # what reads the shard meets the error
    order = next(c.endian for c in sharding.index_codecs if isinstance(c, BytesCodec) and c.endian)
    return np.frombuffer(content, "<u8" if order.value == "little" else ">u8").reshape(chunks, 2)
