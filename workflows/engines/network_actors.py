"""What a network asks of a Ray cluster, and the actor that makes one in a process of its own."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import ray

from cluster.profile import RayProfile
from cluster.schema import memory_bytes
from repsim.errors import ClusterError
from repsim.graph import Batch, NetworkProgress, Resources, TaskRecord, Worker, run_node
from repsim.store import Store

__all__ = ["Need", "network_actor"]


@dataclass(frozen=True, kw_only=True)
class Need:
    """What one network asks for: processes that share alike, and what each may use."""

    ranks: int
    gpus: float
    """Of each process, as is all that follows."""
    memory: int | None
    resources: Resources

    @classmethod
    def of(cls, profile: RayProfile, total: Mapping[str, float]) -> "Need":
        """What `profile` says, on a cluster that has `total` of Ray's resources."""
        gpus = profile.gpus_per_network
        if gpus == "auto":
            gpus = 1.0 if total.get("GPU", 0) and profile.device in {"auto", "cuda"} else 0.0
        ranks = max(1, int(gpus)) if gpus else profile.workers_per_network
        memory = profile.memory_per_network
        return cls(
            ranks=ranks,
            gpus=gpus / ranks,
            memory=None if memory is None else memory_bytes(memory) // ranks,
            resources=Resources(
                device=profile.device,
                threads=max(1, profile.cpus_per_network // ranks),
                loader_workers=profile.loader_workers // ranks,
            ),
        )

    @property
    def one_process(self) -> "Need":
        """What a network asks for that is trained, and only captured."""
        return replace(self, ranks=1)

    @property
    def bundle(self) -> dict[str, float]:
        """Of each process, by Ray's names."""
        amounts = {"CPU": self.resources.threads, "GPU": self.gpus, "memory": self.memory}
        return {name: float(amount) for name, amount in amounts.items() if amount}

    def room(self, total: Mapping[str, float]) -> int:
        """How many networks fit in `total` at a time.

        Raises
        ------
        ClusterError
            When there is no room for one: it would wait for ever.
        """
        wanted = {name: self.ranks * amount for name, amount in self.bundle.items()}
        for name, amount in wanted.items():
            if amount > total.get(name, 0.0):
                raise ClusterError(
                    f"Expected a cluster with at least {amount:g} {name} for one network. Got "
                    f"{total.get(name, 0.0):g} in all. Ask for less in the profile's [ray] table."
                )
        return int(min(total[name] // amount for name, amount in wanted.items()))


@ray.remote
class NetworkActor:
    """Trains and captures one network, and answers how far it is while it does (two threads)."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._progress: NetworkProgress | None = None
        self._records: list[TaskRecord] = []
        self._stop = threading.Event()

    def run(self, store: Store, nodes: Batch, recording: bool = False) -> None:
        """Run the nodes one after the other; the first that fails ends it."""

        def report(progress: NetworkProgress) -> None:
            self._progress = progress

        worker = Worker(
            resources=self._resources,
            report=report,
            should_stop=self._stop.is_set,
            recorder=self._records.append if recording else None,
        )
        for node in nodes:
            run_node(store, node, worker)

    def progress(self) -> tuple[NetworkProgress | None, tuple[TaskRecord, ...]]:
        """How far it is, None before it has begun; and its nodes that have ended."""
        return self._progress, tuple(self._records)

    def stop(self) -> None:
        """Write a checkpoint and end."""
        self._stop.set()


def network_actor(need: Need, restarts: int) -> Any:
    """The actor of a network; Ray starts it when there is room, and replaces it when it dies."""
    return NetworkActor.options(  # type: ignore[attr-defined]
        num_cpus=need.resources.threads,
        num_gpus=need.gpus,
        memory=need.memory,
        max_restarts=restarts,
        max_task_retries=0,
        max_concurrency=2,
    ).remote(need.resources)
