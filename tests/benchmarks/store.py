"""Activations in the store against plain files, and codecs: size and speed.

``uv run python -m tests.benchmarks.store`` (four minutes)
"""

import os
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from google_crc32c import value as crc32c
from numcodecs.zstd import compress, decompress

from repsim.store import Activations, ActivationWriter, Artifact, Store, examples_per_file
from tests.benchmarks.codecs import codec_costs, codec_table
from tests.benchmarks.trained import trained_layers

# Examples that a network answers at a time.
BATCH = 256
# As many examples of each of the layers as fill chunks of every size.
WHOLE_CHUNKS = 512


@dataclass(frozen=True, kw_only=True)
class Seconds:
    """What something took: on the clock, and of all processors together."""

    wall: float
    processor: float

    @classmethod
    def of(cls, work: Callable[[], object]) -> "Seconds":
        wall, processor = time.perf_counter(), time.process_time()
        work()
        return cls(wall=time.perf_counter() - wall, processor=time.process_time() - processor)


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """The same values by way of a plain file and of the store."""

    task: str
    megabytes: float
    plain: Seconds
    ours: Seconds

    @property
    def wall_ratio(self) -> float:
        """Our throughput as a part of that of the plain file."""
        return self.plain.wall / self.ours.wall

    @property
    def processor_ratio(self) -> float:
        """The same, where every processor has something else to do as well."""
        return self.plain.processor / self.ours.processor

    def __str__(self) -> str:
        return (
            f"{self.task:<36}{self.megabytes / self.plain.wall:>8.0f} MB/s"
            f"{self.megabytes / self.ours.wall:>7.0f} MB/s"
            f"{self.wall_ratio:>7.2f}{self.processor_ratio:>11.2f}"
        )


@dataclass(frozen=True)
class PlainFile:
    """Chunks one after the other in a file, each with its length, zstd level 1 and crc32c."""

    path: Path

    def write(self, values: np.ndarray, per_chunk: int) -> None:
        """Replace the file, and force it to the disk."""
        with self.path.open("wb") as file:
            for first in range(0, len(values), per_chunk):
                chunk = compress(values[first : first + per_chunk], 1)
                file.write(len(chunk).to_bytes(8, "little"))
                file.write(chunk)
                file.write(crc32c(chunk).to_bytes(4, "little"))
            file.flush()
            os.fsync(file.fileno())

    def chunks(self) -> Iterator[bytes]:
        """One after the other."""
        with self.path.open("rb") as file:
            while length := file.read(8):
                chunk = file.read(int.from_bytes(length, "little"))
                assert crc32c(chunk) == int.from_bytes(file.read(4), "little")
                yield decompress(chunk)


def throughputs(
    name: str, values: np.ndarray, folder: Path, *, rounds: int = 5
) -> tuple[Throughput, Throughput]:
    """Of writing and of reading `values` (examples, positions, neurons).

    Both ways take turns, and the least time of each counts: others on the machine only add to it.
    What is written is forced to the disk; what is read has left the memory of the system.
    """
    store = Store(str(folder / "runs"))
    plain = PlainFile(folder / "plain")
    _, positions, neurons = values.shape
    per_chunk, per_shard = examples_per_file(
        len(values), positions=positions, neurons=neurons, dtype=str(values.dtype)
    )
    took: dict[str, list[Seconds]] = {}

    def take(way: str, work: Callable[[], object]) -> None:
        took.setdefault(way, []).append(Seconds.of(work))

    for number in range(rounds):
        stored = Activations(store, str(number))
        take("plain write", lambda: plain.write(values, per_chunk))
        take("our write", lambda stored=stored: _write(stored.artifact, values))
        _forget(folder)
        take("plain read", lambda: deque(plain.chunks(), maxlen=0))
        take(
            "our read",
            lambda stored=stored: deque(stored.blocks(0, len(values), per_shard), maxlen=0),
        )
        stored.artifact.discard()
    least = {
        way: Seconds(
            wall=min(each.wall for each in seconds),
            processor=min(each.processor for each in seconds),
        )
        for way, seconds in took.items()
    }
    written, read = (
        Throughput(
            task=f"{verb} {name}, {values.dtype}",
            megabytes=values.nbytes / 1e6,
            plain=least[f"plain {verb}"],
            ours=least[f"our {verb}"],
        )
        for verb in ("write", "read")
    )
    return written, read


def _write(artifact: Artifact, values: np.ndarray) -> None:
    examples, positions, neurons = values.shape
    writer = ActivationWriter(
        artifact,
        layer="layer",
        ids=[str(number) for number in range(examples)],
        positions=positions,
        neurons=neurons,
        dtype=str(values.dtype),
    )
    for first in range(0, examples, BATCH):
        writer.append(values[first : first + BATCH])
    writer.publish({})


def _forget(folder: Path) -> None:
    """Drop files from the memory of the system; what was written just now only leaves it synced."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main() -> None:
    layers = trained_layers()
    print(
        f"{'plain file beside the store':<36}{'plain':>13}{'ours':>12}{'ratio':>8}{'processor':>11}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, values in layers.items():
            for dtype in ("float32", "float16"):
                for line in throughputs(name, values.astype(dtype), Path(folder)):
                    print(line)
        whole_chunks = [values[:WHOLE_CHUNKS] for values in layers.values()]
        print(f"\n{codec_table(codec_costs(whole_chunks, Path(folder) / 'codecs'))}")


if __name__ == "__main__":
    main()
