"""Peak memory of every task of a comparison, each alone in a process, beside what was planned."""

import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from repsim.graph import Node, Worker, run_node
from repsim.stages.activations import LayerSpec
from repsim.stages.comparison import ComparisonSpec
from repsim.store import ActivationWriter, Store
from repsim.study import Capture, Matching
from tests.repsim.stages import pairs

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
        x=replace(pairs.layer(0), total_neurons=p, **shape),
        y=replace(pairs.layer(1), total_neurons=q, **shape),
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
    """Peaks of the nodes of comparisons, whose activations are in the store."""
    found = []
    for node in pairs.nodes_of(store, *comparisons):
        before, most = _in_a_process(store, node)
        found.append(Peak(task=node.task, before=before, most=most))
    return found


def _in_a_process(store: Store, node: Node) -> tuple[int, int]:
    ran = subprocess.run(
        [sys.executable, "-m", __name__],
        input=pickle.dumps((store, node)),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        check=True,
    )
    answer: tuple[int, int] = pickle.loads(ran.stdout)
    return answer


def _resident_most() -> int:
    """The most that was ever resident in this process, in bytes.

    Not from getrusage, which begins with that of the process that started this one.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _serve() -> None:
    store, node = pickle.load(sys.stdin.buffer)
    before = _resident_most()
    with threadpool_limits(limits=1):
        run_node(store, node, Worker())
    sys.stdout.buffer.write(pickle.dumps((before, _resident_most())))


if __name__ == "__main__":
    _serve()
