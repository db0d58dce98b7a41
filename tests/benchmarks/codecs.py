"""Size and speed of codecs and chunk sizes on activations, by way of Zarr."""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zarr
from zarr.abc.codec import BytesBytesCodec
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec

from tests.benchmarks.timing import timed

CODECS: Mapping[str, Sequence[BytesBytesCodec]] = {
    "none": [],
    "zstd-1": [ZstdCodec(level=1)],
    "zstd-3": [ZstdCodec(level=3)],
    "blosc lz4 bitshuffle": [BloscCodec(cname="lz4", shuffle="bitshuffle")],
    "blosc zstd-1 shuffle": [BloscCodec(cname="zstd", clevel=1, shuffle="shuffle")],
}
MB = 2**20
SHARD_MB = 32


@dataclass(frozen=True, kw_only=True)
class CodecCost:
    """What layers take in a store, and the processor time per megabyte before compression."""

    codec: str
    dtype: str
    chunk_mb: int
    megabytes: float
    stored_megabytes: float
    write_seconds: float
    read_seconds: float

    def __str__(self) -> str:
        return (
            f"{self.codec:<22}{self.dtype:<9}{self.chunk_mb:>5} MB"
            f"{100 * self.stored_megabytes / self.megabytes:>8.1f} %"
            f"{self.megabytes / self.write_seconds:>12.0f} MB/s"
            f"{self.megabytes / self.read_seconds:>9.0f} MB/s"
        )


def codec_costs(layers: Iterable[np.ndarray], folder: Path, *, rounds: int = 3) -> list[CodecCost]:
    """Every codec in chunks of 4 MB, and zstd-1 in others.

    Layers that are not cut into whole chunks take more: the last one is filled up.
    """
    layers = list(layers)
    cases = [(codec, 4) for codec in CODECS] + [("zstd-1", chunk) for chunk in (1, 8, 32)]
    return [
        _cost(codec, [layer.astype(dtype) for layer in layers], chunk, folder, rounds)
        for dtype in ("float32", "float16")
        for codec, chunk in cases
    ]


def codec_table(costs: Iterable[CodecCost]) -> str:
    """Costs as aligned text."""
    head = f"{'codec, then crc32c':<22}{'type':<9}{'chunk':>8}{'size':>10}{'write':>17}{'read':>14}"
    return "\n".join([head, "-" * len(head), *map(str, costs)])


def _cost(
    codec: str, layers: Sequence[np.ndarray], chunk_mb: int, folder: Path, rounds: int
) -> CodecCost:
    writing, reading = 0.0, 0.0
    stored = 0
    for layer in layers:
        costs = []
        for _ in range(rounds):
            array, write = timed(lambda layer=layer: _write(codec, layer, chunk_mb, folder))
            read, cost = timed(lambda array=array: [array[part] for part in _shards(array)])
            assert np.array_equal(np.concatenate(read), layer)
            costs.append((write, cost))
        # The least of some rounds: others on the machine only add to it.
        writing += min(write for write, _ in costs)
        reading += min(cost for _, cost in costs)
        stored += sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return CodecCost(
        codec=codec,
        dtype=str(layers[0].dtype),
        chunk_mb=chunk_mb,
        megabytes=sum(layer.nbytes for layer in layers) / 1e6,
        stored_megabytes=stored / 1e6,
        write_seconds=writing,
        read_seconds=reading,
    )


def _write(codec: str, layer: np.ndarray, chunk_mb: int, folder: Path) -> zarr.Array:
    shutil.rmtree(folder, ignore_errors=True)
    per_chunk = min(len(layer), chunk_mb * MB // layer[0].nbytes)
    per_shard = per_chunk * min(SHARD_MB // chunk_mb, len(layer) // per_chunk)
    array = zarr.create_array(
        folder,
        shape=layer.shape,
        dtype=layer.dtype,
        chunks=(per_chunk, *layer.shape[1:]),
        shards=(per_shard, *layer.shape[1:]),
        compressors=[*CODECS[codec], Crc32cCodec()],
        fill_value=float("nan"),
        config={"write_empty_chunks": True},
    )
    for part in _shards(array):
        array[part] = layer[part]
    return array


def _shards(array: zarr.Array) -> Iterator[slice]:
    step = array.shards[0]
    return (slice(first, first + step) for first in range(0, array.shape[0], step))
