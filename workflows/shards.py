"""Parts of a study's work: shares for array and indexed jobs, and networks by their numbers.

Every job makes the same list of what the study takes, sorted by key, and does every N-th item from
its own number on. Jobs share nothing but the store, and none waits for another.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from repsim.errors import StudyError
from repsim.graph import Graph, Node, Where
from workflows.state import Survey

__all__ = ["Shard", "Stage", "network_numbers", "shards_with_work", "without_networks"]

Stage = Literal["all", "networks", "comparisons"]


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Share `number`, counted from 0, of `count`."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """From ``3/16``.

        Raises
        ------
        StudyError
            When it is not of this form.

        Examples
        --------
        >>> Shard.parse("3/16")
        Shard(number=3, count=16)
        """
        found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
        number, count = (int(found[1]), int(found[2])) if found else (0, 0)
        if number >= count:
            raise StudyError(
                "Expected a share of the work as i/N, counted from 0: 0/16 to 15/16 are the shares "
                f"of sixteen jobs. Got {text!r}."
            )
        return cls(number=number, count=count)

    def of(self, keys: Iterable[str]) -> set[str]:
        """The keys that are this share's: every N-th of the sorted ones."""
        return set(sorted(set(keys))[self.number :: self.count])

    def networks(self, graph: Graph) -> set[str]:
        """What `Node.share` is of the nodes that train this share's networks."""
        return self.of(_shares(graph, "train"))

    def targets(self, graph: Graph) -> list[str]:
        """This share's results of comparisons: whole tiles, so that activations are read once."""
        mine = self.of(_shares(graph, "match"))
        return [
            product.folder
            for product in graph.results
            if (maker := graph.maker(product.folder)).where == "match" and maker.share in mine
        ]

    def __str__(self) -> str:
        return f"{self.number}-of-{self.count}"


def network_numbers(text: str, count: int) -> tuple[int, ...]:
    """The numbers in ``0-3,7``, of `count` networks that are counted from 0.

    Raises
    ------
    StudyError
        When it is not of this form, or a number is of no network.

    Examples
    --------
    >>> network_numbers("0-2,7", 8)
    (0, 1, 2, 7)
    """
    numbers: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, -1)
        if first > last or last >= count:
            raise StudyError(
                f"Expected numbers of networks from 0 to {count - 1}, as in 0-3,7. Got {text!r}."
            )
        numbers.update(range(first, last + 1))
    return tuple(sorted(numbers))


def shards_with_work(survey: Survey, count: int, stage: Stage) -> list[int]:
    """Numbers of the shares, of `count`, of which something is not in the store."""
    graph = survey.plan.graph
    shards = [Shard(number=number, count=count) for number in range(count)]
    training = {node.share for node in survey.nodes if node.where == "train"}
    lacking: set[int] = set()
    for shard in shards:
        if stage != "comparisons" and shard.networks(graph) & training:
            lacking.add(shard.number)
        if stage != "networks" and not survey.existing.issuperset(shard.targets(graph)):
            lacking.add(shard.number)
    return sorted(lacking)


def without_networks(nodes: Collection[Node]) -> tuple[list[Node], list[Node]]:
    """The nodes that match and need no network that is missing; those that do."""
    possible, waiting = [], []
    missing: set[str] = set()
    for node in nodes:
        if node.where == "train" or not missing.isdisjoint(node.needs):
            missing.update(node.folders)
            if node.where == "match":
                waiting.append(node)
        else:
            possible.append(node)
    return possible, waiting


def _shares(graph: Graph, where: Where) -> set[str]:
    makers = (graph.maker(product.folder) for product in graph.results)
    return {maker.share for maker in makers if maker.where == where}
