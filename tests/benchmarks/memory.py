"""Peak memory of every task of a comparison, each alone in a process, beside what was planned."""

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from repsim.store import ActivationWriter, Store
from repsim.study import Capture, Matching
from repsim.tasks.graph import Ref, steps_of
from repsim.tasks.specs import ComparisonSpec, LayerSpec, tiles_of
from tests.repsim.tasks import pairs

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Peak:
    """Resident bytes of a process that ran one task: with its imports alone, and at most."""

    task: str
    before: int
    most: int


def pair_of_layers(
    p: int,
    q: int,
    *,
    examples: int,
    positions: int = 1,
    dtype: str = "float32",
    matching: Matching | None = None,
) -> ComparisonSpec:
    """A comparison of a layer of `p` neurons with one of `q`."""
    capture = Capture.model_validate({"dtype": dtype})
    shape = {"examples": examples, "total_positions": positions, "capture": capture}
    return ComparisonSpec(
        x=replace(pairs.layer(0), neurons=p, **shape),
        y=replace(pairs.layer(1), neurons=q, **shape),
        matching=matching or Matching(),
        measures=(),
    )


def write_layer(store: Store, layer: LayerSpec, blocks: Iterator[np.ndarray]) -> None:
    """Capture a layer from blocks (b, positions, neurons)."""
    writer = ActivationWriter(
        layer.artifact(store),
        layer=layer.layer,
        ids=[str(i) for i in range(layer.examples)],
        labels=[i % layer.network.classes for i in range(layer.examples)],
        positions=layer.positions,
        neurons=layer.neurons,
        dtype=layer.capture.dtype,
    )
    for block in blocks:
        writer.append(block)
    writer.publish({})


def random_blocks(
    layer: LayerSpec, *, seed: int, dependent: bool = False, examples: int = 64
) -> Iterator[np.ndarray]:
    """A layer after a ReLU; its first two neurons the same where it is to be `dependent`."""
    generator = np.random.default_rng(seed)
    for first in range(0, layer.examples, examples):
        count = min(examples, layer.examples - first)
        block = generator.standard_normal((count, layer.positions, layer.neurons), dtype=np.float32)
        np.maximum(block, 0, out=block)
        if dependent:
            block[..., 1] = block[..., 0]
        yield block


def peaks(store: Store, *comparisons: ComparisonSpec) -> list[Peak]:
    """Peaks of the tasks of comparisons of one tile, whose activations are in the store."""
    results: dict[str, Any] = {}
    found = []
    (tile,) = tiles_of(comparisons)
    for step in steps_of(store.location, tile):
        arguments = [_resolved(argument, results) for argument in step.arguments]
        results[step.name], before, most = _in_a_process(step.function, arguments)
        found.append(Peak(task=step.function.__name__, before=before, most=most))
    return found


def _resolved(argument: Any, results: dict[str, Any]) -> Any:
    if isinstance(argument, Ref):
        return results[argument.step]
    if isinstance(argument, list):
        return [_resolved(item, results) for item in argument]
    return argument


def _in_a_process(function: Callable[..., Any], arguments: Sequence[Any]) -> tuple[Any, int, int]:
    ran = subprocess.run(
        [sys.executable, "-m", __name__],
        input=pickle.dumps((function, arguments)),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        check=True,
    )
    answer: tuple[Any, int, int] = pickle.loads(ran.stdout)
    return answer


def _resident_most() -> int:
    """The most that was ever resident in this process, in bytes.

    Not from getrusage, which begins with that of the process that started this one.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _serve() -> None:
    function, arguments = pickle.load(sys.stdin.buffer)
    before = _resident_most()
    with threadpool_limits(limits=1):
        result = function(*arguments)
    sys.stdout.buffer.write(pickle.dumps((result, before, _resident_most())))


if __name__ == "__main__":
    _serve()
