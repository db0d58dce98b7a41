"""Training and capturing on Ray: one actor for each network, as many at once as there is room for.

An actor holds nothing that matters: a network's state is its checkpoint in the store. One that is
killed is replaced by Ray, and asked again.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import ActorDiedError, RayActorError, RayTaskError

from cluster.profile import RayProfile
from repsim.errors import ClusterError, PreemptedError, TrainingError
from repsim.tasks.networks import Resources, prepare_network
from repsim.tasks.specs import LayerSpec, NetworkSpec
from repsim.tasks.stage import Stage
from workflows.progress import Reporter

__all__ = ["NetworkWork", "Prepared", "prepare_inline", "prepare_on_ray"]

# How long a stop may take: actors write a checkpoint and end.
STOP_SECONDS = 20.0
POLL_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class NetworkWork:
    """A network, and the layers of it that are captured."""

    network: NetworkSpec
    layers: Sequence[LayerSpec]


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What became of a network: trained and captured, or why not."""

    network: NetworkSpec
    error: Exception | None = None


def prepare_inline(
    location: str,
    work: Sequence[NetworkWork],
    profile: RayProfile,
    reporter: Reporter,
    stop: threading.Event,
) -> Iterator[Prepared]:
    """One network after the other in this process."""
    for item in work:
        error: Exception | None = None
        try:
            prepare_network(
                location,
                item.network,
                item.layers,
                _resources(profile),
                report=reporter.network,
                should_stop=stop.is_set,
            )
        except PreemptedError:
            raise
        except Exception as problem:
            error = problem
        yield Prepared(network=item.network, error=error)


def prepare_on_ray(
    location: str,
    work: Sequence[NetworkWork],
    profile: RayProfile,
    reporter: Reporter,
    stop: threading.Event,
) -> Iterator[Prepared]:
    """Each network as it is done, in the order in which they end. Ray must be connected.

    Raises
    ------
    ClusterError
        When the cluster lacks what one network asks for: it would wait for ever.
    PreemptedError
        When `stop` was set; actors were given time to write a checkpoint.
    """
    options = _actor_options(profile)
    jobs = [_Job(location, item, profile, options) for item in work]
    waiting = {job.start(): job for job in jobs}
    while waiting:
        ready, _ = ray.wait(list(waiting), num_returns=len(waiting), timeout=POLL_SECONDS)
        for reference in ready:
            job = waiting.pop(reference)
            try:
                ray.get(reference)
                error: Exception | None = None
            except RayActorError as problem:
                if not isinstance(problem, ActorDiedError):  # Ray is starting its replacement
                    waiting[job.start()] = job
                    continue
                error = TrainingError(
                    f"Expected the actor of {job.work.network.label} to live. Got: it died "
                    f"{profile.restarts + 1} times, the last time so: {_first_line(problem)}. Was "
                    "memory short? Its checkpoints are kept: run again."
                )
            except RayTaskError as problem:
                error = problem.cause if isinstance(problem.cause, Exception) else problem
            ray.kill(job.actor)  # frees its GPU memory, which an idle process would hold
            yield Prepared(network=job.work.network, error=error)
        for job in waiting.values():
            job.tell(reporter)
        if stop.is_set():
            _stop(waiting)
            raise PreemptedError("Stopped while networks were trained. Run again to go on.")


@ray.remote
class NetworkActor:
    """Trains and captures one network, and answers how far it is while it does (two threads)."""

    def __init__(self) -> None:
        self._stage: Stage | None = None
        self._stop = threading.Event()

    def prepare(self, location: str, work: NetworkWork, resources: Resources) -> None:
        """As `prepare_network`."""

        def report(stage: Stage) -> None:
            self._stage = stage

        prepare_network(
            location,
            work.network,
            work.layers,
            resources,
            report=report,
            should_stop=self._stop.is_set,
        )

    def stage(self) -> Stage | None:
        """How far it is; None before it has begun."""
        return self._stage

    def stop(self) -> None:
        """Write a checkpoint and end."""
        self._stop.set()


class _Job:
    """An actor, what it was asked to do, and the answer about its stage that is on its way."""

    def __init__(
        self, location: str, work: NetworkWork, profile: RayProfile, options: dict[str, Any]
    ) -> None:
        self.work = work
        # Ray starts an actor when there is room for it; the others wait in its queue.
        self.actor = NetworkActor.options(**options).remote()  # type: ignore[attr-defined]
        self._arguments = (location, work, _resources(profile))
        self._answer: Any = None
        self.begun = False

    def start(self) -> Any:
        """Ask for the work; the reference is ready when it is done."""
        self._answer = None
        return self.actor.prepare.remote(*self._arguments)

    def tell(self, reporter: Reporter) -> None:
        """Pass on how far it is, never waiting for an answer."""
        if self._answer is None:
            self._answer = self.actor.stage.remote()
        if not ray.wait([self._answer], timeout=0)[0]:
            return
        try:
            stage = ray.get(self._answer)
        except RayActorError:
            stage = None
        self._answer = None
        if stage is not None:
            self.begun = True
            reporter.network(stage)


def _stop(waiting: dict[Any, _Job]) -> None:
    begun = [reference for reference, job in waiting.items() if job.begun]
    for reference in begun:
        waiting[reference].actor.stop.remote()
    if begun:
        ray.wait(begun, num_returns=len(begun), timeout=STOP_SECONDS)


def _actor_options(profile: RayProfile) -> dict[str, Any]:
    total = ray.cluster_resources()
    gpus = profile.gpus_per_network
    if gpus == "auto":
        gpus = 1.0 if total.get("GPU", 0) and profile.device in {"auto", "cuda"} else 0.0
    wanted = {"CPU": float(profile.cpus_per_network), "GPU": float(gpus)}
    for resource, amount in wanted.items():
        if amount > total.get(resource, 0.0):
            raise ClusterError(
                f"Expected a cluster with at least {amount:g} {resource} for one network. Got "
                f"{total.get(resource, 0.0):g} in all. Ask for less in the profile's [ray] table."
            )
    return {
        "num_cpus": profile.cpus_per_network,
        "num_gpus": gpus,
        "max_restarts": profile.restarts,
        "max_task_retries": 0,
        "max_concurrency": 2,
    }


def _resources(profile: RayProfile) -> Resources:
    return Resources(
        device=profile.device,
        threads=profile.cpus_per_network,
        loader_workers=profile.loader_workers,
    )


def _first_line(problem: Exception) -> str:
    return str(problem).strip().splitlines()[0]
