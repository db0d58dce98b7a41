"""A node of the graph: one call, with the artifacts that it makes and those that it needs."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from repsim.graph.worker import Worker
from repsim.store import Store

__all__ = ["PROCESS_BYTES", "Cost", "Make", "Node", "Product", "Where", "on_store"]

Where = Literal["train", "match"]
Make = Callable[[Store, Collection[str], Worker], None]

# What one core does in a second, where the cost of a node is compared with that of others: float64
# operations, and bytes of the store. Beside them what any node takes. Measured: docs/scale.md.
CORE_OPERATIONS = 3e10
CORE_BYTES = 5e8
NODE_SECONDS = 0.01

# A process that has imported what matching needs.
PROCESS_BYTES = 110 * 2**20


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """An artifact that a node makes."""

    folder: str
    """``kind/key``."""
    label: str
    """What it belongs to, for people; failures are listed by it."""
    bytes: int = 0
    """About its size, before compression; 0 where it is small."""
    result: bool = False
    """Whether the report reads it: a run makes it even if nothing else needs it."""
    temporary: bool = False
    """Made only while something that needs it is missing, and removed afterwards."""

    @property
    def kind(self) -> str:
        """Its kind: the folder of the store that it is in."""
        return self.folder.partition("/")[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What a node takes."""

    operations: int = 0
    """Floating-point operations."""
    read: int = 0
    """Bytes from the store, before compression."""
    images: int = 0
    """Images that are decoded from files."""

    @property
    def seconds(self) -> float:
        """About how long one core takes for it."""
        return NODE_SECONDS + self.operations / CORE_OPERATIONS + self.read / CORE_BYTES


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Node:
    """One call of a plain function."""

    task: str
    """What it does, in a word: ``train``, ``reduce``, ``profile``, ..."""
    label: str
    """What it does it for, for people."""
    makes: tuple[Product, ...]
    needs: tuple[str, ...] = ()
    """Artifacts that must exist before, each as ``kind/key``."""
    make: Make
    """Given the store, which of its artifacts are wanted, and the worker that calls it."""
    where: Where = "match"
    """On which kind of worker."""
    together: bool = False
    """Whether several processes can make it together; else the first of them does it alone."""
    share: str
    """Nodes with the same value read the same files: one share of the work has them all."""
    memory: int = 0
    """Bytes at its peak, the process included."""
    cost: Cost = Cost()
    users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Temporary artifacts that it needs or makes, each with all that is to be made of it; and those
    that are to be made of these."""

    @property
    def folders(self) -> tuple[str, ...]:
        """The artifacts that it makes, each as ``kind/key``."""
        return tuple(product.folder for product in self.makes)

    @property
    def results(self) -> tuple[Product, ...]:
        """What the report reads of what it makes."""
        return tuple(product for product in self.makes if product.result)

    @property
    def seconds(self) -> float:
        """About how long one core takes for it."""
        return self.cost.seconds


def on_store(function: Callable[..., object], *arguments: Any) -> Make:
    """A call of `function` with the store and these arguments, for a node with one artifact."""
    return partial(_on_store, function, arguments)


def _on_store(
    function: Callable[..., object],
    arguments: tuple[Any, ...],
    store: Store,
    wanted: Collection[str],
    worker: Worker,
) -> None:
    del wanted, worker
    function(store, *arguments)
