"""Nodes of no study, that publish empty artifacts."""

from collections.abc import Mapping, Sequence

from repsim.graph import Cost, Node, Product, Where, on_store
from repsim.graph.node import CORE_OPERATIONS, Make
from repsim.store import Artifact, Store


def folder(name: str) -> str:
    """The ``kind/key`` of an artifact: its kind is the name without its number."""
    return f"{name.rstrip('0123456789')}/{name.encode().hex():0>64}"


def publish(store: Store, name: str) -> None:
    """Publish an empty artifact."""
    Artifact.at(store, folder(name)).draft().publish()


def node(
    name: str,
    *needs: str,
    where: Where = "match",
    result: bool = False,
    temporary: bool = False,
    seconds: float = 0.0,
    make: Make | None = None,
) -> Node:
    """A node that makes one artifact, unless `make` does something else."""
    product = Product(folder=folder(name), label=name, result=result, temporary=temporary)
    return Node(
        task="make",
        label=name,
        makes=(product,),
        needs=tuple(map(folder, needs)),
        make=make or on_store(publish, name),
        where=where,
        share=name,
        cost=Cost(operations=int(seconds * CORE_OPERATIONS)),
    )


def labels(nodes: Sequence[Node]) -> list[str]:
    """What the nodes are for."""
    return [one.label for one in nodes]


def failure(name: str, words: str = "no") -> Mapping[str, Exception]:
    """What a node of that name says that has failed."""
    return {folder(name): ValueError(words)}
