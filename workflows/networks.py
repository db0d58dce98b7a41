"""Training and capturing on Ray: an actor for each network, as many at once as there is room for.

An actor holds nothing that matters: a network's state is its checkpoint in the store. One that is
killed is replaced by Ray, and asked again. A network that several processes train has an actor that
lets Ray Train start them (`workflows.rank_groups`).
"""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import ActorDiedError, GetTimeoutError, RayActorError, RayTaskError

from cluster.profile import RayProfile
from repsim.errors import ClusterError, PreemptedError, TrainingError
from repsim.store import Store
from repsim.tasks.networks import Resources, prepare_network
from repsim.tasks.record import Recorder, TaskRecord
from repsim.tasks.specs import LayerSpec, NetworkSpec
from workflows.network_actors import Need, network_actor
from workflows.progress import Reporter
from workflows.rank_groups import rank_group

__all__ = ["NetworkWork", "Prepared", "prepare_inline", "prepare_on_ray"]

log = logging.getLogger("repsim")

# How long a stop may take: actors write a checkpoint and end.
STOP_SECONDS = 20.0
POLL_SECONDS = 0.5
# How long an actor that has done its work may take to say what it took.
RECORDS_SECONDS = 10.0
# How long all networks may wait for room or for the nodes of an autoscaler, and how often
# that is said.
START_SECONDS = 1800.0
SAY_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class NetworkWork:
    """A network, and the layers of it that are captured."""

    network: NetworkSpec
    layers: Sequence[LayerSpec]
    trained: bool = False
    """Whether the network is in the store."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What became of a network: trained and captured, or why not, or not all of it."""

    network: NetworkSpec
    error: Exception | None = None


def prepare_inline(
    location: str,
    work: Sequence[NetworkWork],
    profile: RayProfile,
    reporter: Reporter,
    stop: threading.Event,
    recorder: Recorder | None = None,
) -> Iterator[Prepared]:
    """One network after the other in this process."""
    resources = Resources(
        device=profile.device,
        threads=profile.cpus_per_network,
        loader_workers=profile.loader_workers,
    )
    for item in work:
        error: Exception | None = None
        try:
            prepare_network(
                location,
                item.network,
                item.layers,
                resources,
                report=reporter.network,
                should_stop=stop.is_set,
                recorder=recorder,
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
    recorder: Recorder | None = None,
) -> Iterator[Prepared]:
    """Each network as it is done, in the order in which they end. Ray must be connected.

    `recorder` is given what each task took; not that of an actor which died before it could tell.

    Raises
    ------
    ClusterError
        When the cluster lacks what one network asks for, or starts no actor in time.
    PreemptedError
        When `stop` was set; actors were given time to write a checkpoint.
    """
    total = ray.cluster_resources()
    need = Need.of(profile, total)
    room = need.room(total)
    # A single actor waits in Ray's queue at no cost; what watches over several does not.
    auto = room if need.ranks > 1 else len(work)
    at_once = auto if profile.networks_at_once == "auto" else profile.networks_at_once
    queue, waiting = deque(work), dict[Any, _Job]()
    alive = said = time.monotonic()
    while queue or waiting:
        while queue and len(waiting) < at_once:
            job = _Job(location, queue.popleft(), need, profile.restarts, recorder)
            waiting[job.start()] = job
        ready, _ = ray.wait(list(waiting), num_returns=len(waiting), timeout=POLL_SECONDS)
        for reference in ready:
            job = waiting.pop(reference)
            try:
                ray.get(reference)
                error: Exception | None = None
            except RayActorError as problem:
                if not isinstance(problem, ActorDiedError):  # Ray is starting its replacement
                    job.note_death()
                    waiting[job.start()] = job
                    continue
                error = job.died(problem)
            except RayTaskError as problem:
                error = problem.cause if isinstance(problem.cause, Exception) else problem
            job.end()
            if isinstance(error, ClusterError):
                raise error
            ray.kill(job.actor)  # frees its GPU memory, which an idle process would hold
            yield Prepared(network=job.work.network, error=error)
        for job in waiting.values():
            job.tell(reporter)
        now = time.monotonic()
        if ready or any(job.alive for job in waiting.values()):
            alive = said = now
        elif now - said > SAY_SECONDS:
            said = now
            _say_nothing_starts(list(waiting.values()), need, now - alive)
        if stop.is_set():
            _stop(waiting)
            raise PreemptedError("Stopped while networks were trained. Run again to go on.")


class _Job:
    """An actor, what it was asked to do, and the answer on its way that says how far it is."""

    def __init__(
        self,
        location: str,
        work: NetworkWork,
        need: Need,
        restarts: int,
        recorder: Recorder | None,
    ) -> None:
        self.work = work
        self._arguments = (location, work.network, work.layers, recorder is not None)
        self._recorder = recorder
        self._recorded: set[TaskRecord] = set()
        # One process captures: the others would wait for it.
        alone = need.ranks == 1 or work.network.artifact(Store(location)).exists()
        self._need = need.one_process if alone else need
        self._restarts = restarts
        make = network_actor if alone else rank_group
        self.actor = make(self._need, restarts)
        self._answer: Any = None
        self.begun = False
        self.alive = False
        self.deaths = 0

    def start(self) -> Any:
        """Ask for the work; the reference is ready when it is done."""
        self._answer = None
        return self.actor.prepare.remote(*self._arguments)

    def note_death(self) -> None:
        """Say that the actor is gone for now; once, however often it is asked in the meantime."""
        if self.alive:
            self.alive = False
            self.deaths += 1
            log.warning(
                "%s: its actor died, and Ray starts it again (%d of %d times)",
                *(self.work.network.label, self.deaths, self._restarts),
            )

    def died(self, problem: ActorDiedError) -> Exception:
        """What it means that the actor is gone for good."""
        last = str(problem).strip().splitlines()[0].rstrip(".")
        if self._need.ranks > 1:
            return ClusterError(
                f"Expected the actor that watches over {self.work.network.label} to live. Got: it "
                f"died, so: {last}. Was memory short on the node that the run was started on? All "
                "that is finished is kept: run again."
            )
        return TrainingError(
            f"Expected the actor of {self.work.network.label} to live. Got: it died "
            f"{self._restarts + 1} times, the last time so: {last}. Was memory short? Its "
            "checkpoints are kept: run again."
        )

    def tell(self, reporter: Reporter) -> None:
        """Pass on how far it is, never waiting for an answer."""
        if self._answer is None:
            self._answer = self.actor.progress.remote()
        if not ray.wait([self._answer], timeout=0)[0]:
            return
        try:
            stage, records = ray.get(self._answer)
            self.alive = True
        except RayActorError:
            stage, records = None, ()
        self._answer = None
        self._record(records)
        if stage is not None:
            self.begun = True
            reporter.network(stage)

    def end(self) -> None:
        """Pass on what tasks took, for the last time."""
        if self._recorder is None:
            return
        with contextlib.suppress(RayActorError, GetTimeoutError):  # it is dead, or on its way
            self._record(ray.get(self.actor.progress.remote(), timeout=RECORDS_SECONDS)[1])

    def _record(self, records: Sequence[TaskRecord]) -> None:
        """Pass on those of the actor's records that are new."""
        for record in records:
            if self._recorder is not None and record not in self._recorded:
                self._recorded.add(record)
                self._recorder(record)


def _say_nothing_starts(jobs: Sequence[_Job], need: Need, seconds: float) -> None:
    """Say it, and raise when the time is up."""
    free = ray.available_resources()
    wanted = ", ".join(f"{amount:g} {name}" for name, amount in need.bundle.items())
    has = ", ".join(f"{free.get(name, 0.0):g} {name}" for name in need.bundle)
    died = ", ".join(f"{job.work.network.label} {job.deaths} times" for job in jobs if job.deaths)
    words = (
        f"no actor of {len(jobs)} networks for {seconds:.0f} s: a process wants {wanted}; free in "
        f"the cluster are {has}" + (f"; actors died: {died}" if died else "")
    )
    if seconds > START_SECONDS:
        raise ClusterError(
            f"Expected Ray to start a network. Got {words}. Ask for less in the profile's [ray] "
            "table, or run again when there is room: what is finished is kept."
        )
    log.warning("Nothing moves: %s", words)


def _stop(waiting: dict[Any, _Job]) -> None:
    begun = [reference for reference, job in waiting.items() if job.begun]
    for reference in begun:
        waiting[reference].actor.stop.remote()
    if begun:
        ended, _ = ray.wait(begun, num_returns=len(begun), timeout=STOP_SECONDS)
        for reference in ended:
            waiting[reference].end()
