"""One file of a sharded Zarr array, read chunk by chunk.

Zarr's own reader serves any selection of any array, and copies every chunk twice into fresh memory
on the way: with it, reading takes 1.6 to 1.9 times the processor time (docs/store.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from google_crc32c import value as crc32c
from numcodecs.zstd import decompress

__all__ = ["Shard"]

CHECKSUM_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Chunks, each with its checksum; then offset and length of each; then a checksum of these.

    Source: Zarr v3, codec ``sharding_indexed`` with its index at the end, which has crc32c; chunks
    with the codecs ``bytes`` (little-endian), ``zstd``, ``crc32c``.

    Parameters
    ----------
    fetch
        Bytes of the file, from one place to another. In memory that is used again and again: fresh
        memory for a whole file takes longer than to read it.
    size
        Of the file, in bytes.
    chunks
        How many chunks a file of this array holds, all in a row along its first axis.
    """

    fetch: Callable[[int, int], memoryview]
    size: int
    chunks: int

    def decode(self, number: int, out: np.ndarray) -> None:
        """Decode a chunk to `out`, an array of its shape and type.

        Raises
        ------
        ValueError, RuntimeError
            When it is not there, or not what was written.
        """
        offset, length = self._index[number].tolist()
        if offset + length > self.size:  # what is not there has the largest offset
            raise ValueError("a chunk that is missing")
        decompress(_checked(self.fetch(offset, offset + length)), out)

    @cached_property
    def _index(self) -> np.ndarray:
        length = 16 * self.chunks + CHECKSUM_BYTES
        if length > self.size:
            raise ValueError("a file that was cut off")
        index = _checked(self.fetch(self.size - length, self.size))
        return index.view("<u8").reshape(self.chunks, 2)


def _checked(content: memoryview) -> np.ndarray:
    """Bytes without the crc32c that ends them."""
    part = np.frombuffer(content, np.uint8)
    data, checksum = part[:-CHECKSUM_BYTES], part[-CHECKSUM_BYTES:]
    if len(checksum) < CHECKSUM_BYTES or crc32c(data) != checksum.view("<u4")[0]:
        raise ValueError("a chunk that was changed (its crc32c differs)")
    return data
