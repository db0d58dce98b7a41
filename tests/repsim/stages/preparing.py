"""Training and capturing one network in this process, as an engine would."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from repsim.graph import Graph, Resources, Worker, run_node
from repsim.stages import activations, training
from repsim.stages.activations import LayerSpec
from repsim.stages.networks import NetworkSpec
from repsim.store import Artifact, Store

CPU = Resources(device="cpu", threads=1)


def prepare_network(
    store: Store,
    spec: NetworkSpec,
    layers: Sequence[LayerSpec],
    resources: Resources = CPU,
    **options: Any,
) -> None:
    """Train the network and capture these layers, where they are missing; errors are raised.

    `options` are those of `Worker`.
    """
    plan: Any = SimpleNamespace(
        networks=(spec,),
        snapshots=(),
        layers={spec.label: layers},
        parameters=0,
        operations=0,
        examples=(0, 0),
        decodes=False,
    )
    graph = Graph([*training.nodes(plan), *(activations.nodes(plan) if layers else ())])
    worker = Worker(resources=resources, **options)
    # Ranks look for themselves: one may see what another has published meanwhile.
    existing = {f for f in graph.products if Artifact.at(store, f).exists()}
    ranks = worker.ranks is not None
    for node in graph.nodes if ranks else graph.missing(existing, list(graph.products)):
        run_node(store, node, worker)
