"""Nodes in batches: what an engine sends to a worker at a time.

A task costs an engine some milliseconds, and a node may take a hundredth of a second. So small
nodes travel together, and large ones alone.
"""

from collections.abc import Iterable, Mapping, Sequence

from repsim.errors import CaptureError, PreemptedError, StoreError, TrainingError
from repsim.graph.node import Node
from repsim.graph.worker import Worker, run_node
from repsim.store import Artifact, Store

__all__ = ["Batch", "Failed", "batches_of", "failures_of", "groups_of", "run_batch"]

Batch = tuple[Node, ...]
Failed = Mapping[str, Exception]


def batches_of(nodes: Sequence[Node], seconds: float) -> list[Batch]:
    """The nodes in batches of about that many seconds, each after those that it needs.

    A batch needs at its start all that any of its nodes needs. So a node joins another only where
    both need the same batches before them, and one that takes long is a batch of its own.
    """
    batches: list[list[Node]] = []
    costs: list[float] = []
    before: list[frozenset[int]] = []
    place: dict[str, int] = {}
    open_after: dict[frozenset[int], int] = {}

    def begun(needed: frozenset[int], cost: float = 0.0) -> int:
        batches.append([])
        costs.append(cost)
        before.append(needed)
        return len(batches) - 1

    for node in nodes:
        needed = frozenset(place[need] for need in node.needs if need in place)
        last = max(needed, default=None)
        if node.seconds >= seconds / 2:
            number = begun(needed, seconds)  # nothing joins it
        elif last is not None and costs[last] < seconds and needed <= before[last] | {last}:
            number = last
        else:
            number = open_after.get(needed, -1)
            if number < 0 or costs[number] >= seconds:
                number = open_after[needed] = begun(needed)
        batches[number].append(node)
        costs[number] += node.seconds
        place |= dict.fromkeys(node.folders, number)
    return [tuple(batch) for batch in batches]


def groups_of(nodes: Iterable[Node]) -> list[Batch]:
    """The nodes, each with those that need it: what one process makes, one after the other."""
    groups: list[list[Node]] = []
    place: dict[str, list[Node]] = {}
    for node in nodes:
        group = next((place[need] for need in node.needs if need in place), None)
        if group is None:
            group = []
            groups.append(group)
        group.append(node)
        place |= dict.fromkeys(node.folders, group)
    return [tuple(group) for group in groups]


def run_batch(
    store: Store, nodes: Sequence[Node], before: Sequence[Failed], worker: Worker
) -> dict[str, Exception]:
    """Run the nodes one after the other; return what failed, by ``kind/key``.

    A node fails with what it needs, for the same reason; the others go on.

    Parameters
    ----------
    store
        The store.
    nodes
        Each after those that it needs.
    before
        What failed of earlier batches.
    worker
        The worker that runs them.

    Raises
    ------
    StoreError
        When the store cannot be reached: all else would fail likewise.
    PreemptedError
        When the worker is to stop.
    """
    known = {folder: error for failed in before for folder, error in failed.items()}
    found: dict[str, Exception] = {}
    for node in nodes:
        cause = next((known[need] for need in node.needs if need in known), None)
        if cause is not None:
            failed: Failed = dict.fromkeys(node.folders, cause)
        else:
            try:
                run_node(store, node, worker)
                continue
            except (StoreError, PreemptedError):
                raise
            except Exception as error:
                failed = failures_of(store, [node], error)
        known |= failed
        found |= failed
    return found


def failures_of(store: Store, nodes: Sequence[Node], error: Exception) -> dict[str, Exception]:
    """What is missing where running the nodes one after the other ended with that error."""
    if isinstance(error, CaptureError):
        return {folder: TrainingError(why) for folder, why in error.artifacts.items()}
    folders = [folder for node in nodes for folder in node.folders]
    return {folder: error for folder in folders if not Artifact.at(store, folder).exists()}
