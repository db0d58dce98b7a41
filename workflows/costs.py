"""What it takes to make what a study lacks: tasks, bytes, operations, and from these the time.

The model and what its rates were fitted to: docs/scale.md.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from repsim.tasks.graph import steps_of
from repsim.tasks.specs import AcrossSpec, ComparisonSpec, LayerSpec, TileSpec, tiles_of
from workflows.state import Survey

__all__ = ["Cost", "Machines", "Rates", "costs_of", "seconds_of"]

# Forward once, backward twice as much.
TRAINING_PASSES = 3
# In third powers of the neurons of a pair, fitted to `python -m tests.benchmarks`: a match profile
# with measures of its moments, all simple matches, a measure of two layers across networks.
REPLICATE = 17
SIMPLE = 1000
ACROSS = 4
# In squares of the examples: measures of examples of two layers.
EXAMPLES = 2000


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one kind of work takes that is to be done."""

    name: str
    of_networks: bool = False
    """Whether a task is a network, on a GPU where there is one."""
    tasks: int = 0
    images: int = 0
    """How many are decoded from files."""
    read: int = 0
    """Bytes of activations, before compression."""
    written: int = 0
    """Bytes that are kept at the end, before compression."""
    operations: int = 0
    """Floating-point operations."""


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What one GPU or core does in a second."""

    gpu: float = 5e13
    """Operations of training in mixed precision: an assumption, of a GPU as of 2020."""
    core: float = 3e10
    """Operations of matching in float64."""
    images: float = 160.0
    """Images of 500×375 that one core decodes, crops and scales."""
    read: float = 5e8
    """Bytes of activations that one core reads, checks and decompresses."""
    task: float = 0.01
    """Seconds of one core that a task takes beyond its work."""


@dataclass(frozen=True, kw_only=True)
class Machines:
    """What a study would run on, in all."""

    gpus: int
    cores: int


def costs_of(survey: Survey) -> list[Cost]:
    """What is to be done, by kind: training, capture, comparisons, comparisons across layers."""
    plan = survey.plan
    captured = {layer.network.key: layer.examples for layer in survey.layers}
    tiles = tiles_of(survey.comparisons)
    whole = _whole(survey.across)
    train, test = plan.examples
    epochs = sum(network.training.epochs for network in survey.networks)
    return [
        Cost(
            name="training",
            of_networks=True,
            tasks=len(survey.networks),
            images=epochs * (train + test) * plan.decodes,
            written=4 * plan.parameters * len(survey.networks),
            operations=epochs * plan.operations * (TRAINING_PASSES * train + test),
        ),
        Cost(
            name="capture",
            of_networks=True,
            tasks=len(captured),
            images=sum(captured.values()) * plan.decodes,
            written=sum(layer.bytes for layer in survey.layers),
            operations=plan.operations * sum(captured.values()),
        ),
        Cost(
            name="comparisons",
            tasks=_tasks(tiles),
            read=sum(layer.bytes for tile in tiles for layer in tile.layers),
            written=sum(8 * spec.moment_numbers for spec in survey.comparisons),
            operations=sum(map(_tile_operations, tiles)),
        ),
        Cost(
            name="across layers",
            tasks=_tasks(survey.across),
            read=sum(_whole_bytes(layer, count) for layer, count in whole),
            operations=sum(map(_across_operations, survey.across))
            + sum(_summary_operations(layer, count) for layer, count in whole),
        ),
    ]


def seconds_of(cost: Cost, machines: Machines, rates: Rates) -> float:
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
    if not cost.of_networks:
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


def _tasks(works: Iterable[TileSpec | AcrossSpec]) -> int:
    """How many steps they have; as many where shapes are the same."""
    of_shape: dict[tuple[object, ...], int] = {}
    tasks = 0
    for work in works:
        shapes = tuple((x.neurons, x.positions, x.examples) for x in work.layers)
        compared = len(work.comparisons) if isinstance(work, TileSpec) else 0
        if (shapes, compared) not in of_shape:
            of_shape[shapes, compared] = len(steps_of("", work))
        tasks += of_shape[shapes, compared]
    return tasks


def _tile_operations(tile: TileSpec) -> int:
    samples = tile.layers[0].examples * tile.layers[0].positions
    widths = sum(layer.neurons**2 for layer in tile.layers)
    products = sum(
        2 * spec.x.neurons * spec.y.neurons * (1 + spec.permutations) for spec in tile.comparisons
    )
    return samples * (widths + products) + sum(map(_matching_operations, tile.comparisons))


def _matching_operations(spec: ComparisonSpec) -> int:
    cubed = (spec.x.neurons + spec.y.neurons) ** 3
    simple = len(spec.matching.minimal_at) * (1 + spec.matching.restarts)
    return cubed * (REPLICATE * spec.replicates + SIMPLE * simple)


def _across_operations(spec: AcrossSpec) -> int:
    examples = min(spec.across.examples, spec.layers[0].examples)
    pairs = sum(
        ACROSS * (a.neurons + b.neurons) ** 3 + EXAMPLES * examples**2
        for a in spec.a
        for b in spec.b
    )
    return len(spec.across.features) * pairs


def _summary_operations(layer: LayerSpec, examples: int) -> int:
    return 2 * min(examples, layer.examples) ** 2 * layer.positions * layer.neurons


def _whole(works: Iterable[AcrossSpec]) -> list[tuple[LayerSpec, int]]:
    """Layers of which some examples are summarised as wholes, and how many."""
    found = {x.key: (x, spec.across.examples) for spec in works for x in spec.layers}
    return list(found.values())


def _whole_bytes(layer: LayerSpec, examples: int) -> int:
    return layer.bytes * min(examples, layer.examples) // max(1, layer.examples)
