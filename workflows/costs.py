"""What it takes to make what a study lacks: tasks, bytes, operations, and from these the time.

The model and what its rates were fitted to: docs/scale.md.
"""

import math
from dataclasses import dataclass

from repsim.graph import Node, Where
from repsim.graph.node import CORE_BYTES, CORE_OPERATIONS, NODE_SECONDS
from workflows.state import Survey

__all__ = ["Machines", "Rates", "WorkCost", "costs_of", "seconds_of"]


@dataclass(frozen=True, kw_only=True)
class WorkCost:
    """What one kind of work takes that is to be done."""

    name: str
    where: Where = "match"
    """Whether on a GPU where there is one."""
    tasks: int = 0
    images: int = 0
    """How many are decoded from files."""
    read: int = 0
    """Bytes from the store, before compression."""
    written: int = 0
    """Bytes that are kept at the end, before compression."""
    operations: int = 0
    """Floating-point operations."""


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What one GPU or core does in a second."""

    gpu: float = 5e13
    """Operations of training in mixed precision: an assumption, of a GPU as of 2020."""
    core: float = CORE_OPERATIONS
    """Operations of matching in float64."""
    images: float = 160.0
    """Images of 500×375 that one core decodes, crops and scales."""
    read: float = CORE_BYTES
    """Bytes of activations that one core reads, checks and decompresses."""
    task: float = NODE_SECONDS
    """Seconds of one core that a task takes beyond its work."""


@dataclass(frozen=True, kw_only=True)
class Machines:
    """What a study would run on, in all."""

    gpus: int
    cores: int


def costs_of(survey: Survey) -> list[WorkCost]:
    """What is to be done, by its name in the task log, in the order in which it is done."""
    found: dict[str, list[Node]] = {}
    for node in survey.nodes:
        found.setdefault(node.task, []).append(node)
    return [
        WorkCost(
            name=task,
            where=nodes[0].where,
            tasks=len(nodes),
            images=sum(node.cost.images for node in nodes),
            read=sum(node.cost.read for node in nodes),
            written=sum(p.bytes for node in nodes for p in node.makes),
            operations=sum(node.cost.operations for node in nodes),
        )
        for task, nodes in found.items()
    ]


def seconds_of(cost: WorkCost, machines: Machines, rates: Rates) -> float:
    """About how long the work takes on these machines.

    Parameters
    ----------
    cost
        As `costs_of` has it.
    machines
        A network gets one GPU, or several where there are more than networks; without GPUs, cores.
        The cores decode its images, and do the rest.
    rates
        What a GPU and a core do in a second.
    """
    if not cost.tasks:
        return 0.0
    if cost.where == "match":
        work = cost.operations / rates.core + cost.read / rates.read + cost.tasks * rates.task
        return work / min(machines.cores, cost.tasks)
    places, rate = (machines.gpus, rates.gpu) if machines.gpus else (machines.cores, rates.core)
    networks = cost.tasks
    # As many rounds as it takes where each has one place; else they share the places out.
    rounds, share = math.ceil(networks / places), max(1, places // networks)
    return max(
        rounds * cost.operations / networks / (share * rate),
        cost.images / (machines.cores * rates.images),
    )
