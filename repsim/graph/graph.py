"""The graph of a study, and the queries that `plan`, `run`, `status`, `gc` and `verify` ask."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from repsim.graph.node import Node, Product

__all__ = ["Graph"]


class Graph:
    """All nodes of a study.

    Parameters
    ----------
    nodes
        Each artifact is made by one of them.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.nodes = tuple(nodes)
        self._makers = {folder: node for node in self.nodes for folder in node.folders}

    def maker(self, folder: str) -> Node:
        """The node that makes this artifact, given as ``kind/key``."""
        return self._makers[folder]

    @cached_property
    def products(self) -> dict[str, Product]:
        """All artifacts, by ``kind/key``."""
        return {product.folder: product for node in self.nodes for product in node.makes}

    @cached_property
    def lasting(self) -> dict[str, list[Product]]:
        """By kind, the artifacts that a complete study has."""
        kinds: dict[str, list[Product]] = {}
        for product in self.products.values():
            if not product.temporary:
                kinds.setdefault(product.kind, []).append(product)
        return kinds

    @cached_property
    def results(self) -> tuple[Product, ...]:
        """What the report reads."""
        return tuple(product for product in self.products.values() if product.result)

    @cached_property
    def temporary(self) -> frozenset[str]:
        """Artifacts that are removed when what needs them exists."""
        return frozenset(p.folder for p in self.products.values() if p.temporary)

    @cached_property
    def parts(self) -> dict[str, tuple[str, ...]]:
        """By lasting artifact, the temporary ones that it is made of."""
        parts = {
            product.folder: tuple(need for need in node.needs if need in self.temporary)
            for node in self.nodes
            for product in node.makes
            if not product.temporary
        }
        return {whole: needed for whole, needed in parts.items() if needed}

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Of lasting artifacts, in the order in which they are made; ends of the graph last."""
        depth: dict[str, int] = {}
        rank: dict[str, tuple[bool, int]] = {}

        def depth_of(folder: str) -> int:
            if folder not in depth:
                needs = self._makers[folder].needs
                depth[folder] = 1 + max(map(depth_of, needs), default=-1)
            return depth[folder]

        needed = {need for node in self.nodes for need in node.needs}
        for kind, products in self.lasting.items():
            ends = not any(product.folder in needed for product in products)
            rank[kind] = (ends, max(depth_of(product.folder) for product in products))
        return tuple(sorted(rank, key=lambda kind: rank[kind]))

    def missing(
        self, existing: Collection[str], targets: Iterable[str] | None = None
    ) -> list[Node]:
        """What a run makes, each node after those that it needs, with what is wanted of it alone.

        Parameters
        ----------
        existing
            Artifacts that exist, each as ``kind/key``.
        targets
            What is wanted; by default all results.
        """
        wanted: dict[Node, set[str]] = {}
        order: list[Node] = []

        def visit(folder: str) -> None:
            if folder in existing:
                return
            node = self._makers[folder]
            if node in wanted:
                wanted[node].add(folder)
                return
            wanted[node] = {folder}
            for need in node.needs:
                visit(need)
            order.append(node)

        for folder in self._ends() if targets is None else targets:
            visit(folder)
        return list(_with_users([_only(node, wanted[node]) for node in order], self.temporary))

    def _ends(self) -> Iterator[str]:
        """Results, those that training makes first, and then those that need all others."""
        needed = {need for node in self.nodes for need in node.needs}
        groups: tuple[list[str], list[str], list[str]] = ([], [], [])
        for node in self.nodes:
            for product in node.makes:
                if product.result:
                    group = 0 if node.where == "train" else 1 + (product.folder in needed)
                    groups[group].append(product.folder)
        for group_ in groups:
            yield from group_


def _only(node: Node, wanted: Collection[str]) -> Node:
    if len(wanted) == len(node.makes):
        return node
    return replace(node, makes=tuple(p for p in node.makes if p.folder in wanted))


def _with_users(nodes: list[Node], temporary: Collection[str]) -> Iterator[Node]:
    """Say of temporary artifacts what is to be made of them: then they can go."""
    users: dict[str, list[str]] = {}
    for node in nodes:
        for need in node.needs:
            if need in temporary:
                users.setdefault(need, []).extend(node.folders)
    for node in nodes:
        touched = [*node.needs, *node.folders]
        of_node: dict[str, tuple[str, ...]] = {}
        while touched:
            folder = touched.pop()
            if folder in users and folder not in of_node:
                of_node[folder] = tuple(users[folder])
                touched += users[folder]
        yield replace(node, users=of_node) if of_node else node
