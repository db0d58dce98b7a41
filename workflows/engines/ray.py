"""Training and capturing on Ray: an actor for each network, as many at once as there is room for.

An actor holds nothing that matters: a network's state is its checkpoint in the store. One that is
killed is replaced by Ray, and asked again. A network that several processes train has an actor that
lets Ray Train start them (`rank_groups`).
"""

import contextlib
import logging
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any

import ray
from ray.exceptions import ActorDiedError, GetTimeoutError, RayActorError, RayTaskError

from cluster.ray_cluster import ray_session
from cluster.ray_progress import RayWatch, answer_of
from repsim.errors import ClusterError, PreemptedError, TrainingError
from repsim.graph import Batch, Recorder, TaskRecord, Work, failures_of, groups_of
from workflows.engines.network_actors import Need, network_actor
from workflows.engines.rank_groups import rank_group
from workflows.engines.session import Session
from workflows.progress import Reporter

__all__ = ["train"]

log = logging.getLogger("repsim")

# How long a stop may take: actors write a checkpoint and end.
STOP_SECONDS = 20.0
POLL_SECONDS = 0.5
# How long Ray may take to answer what it knows at once.
ANSWER_SECONDS = 30.0
# How long an actor that has done its work may take to say what it took.
RECORDS_SECONDS = 10.0
# How long all networks may wait for room or for the nodes of an autoscaler, and how often
# that is said.
START_SECONDS = 1800.0
SAY_SECONDS = 60.0


def train(work: Work, session: Session) -> None:
    """Make the nodes that train and capture, those of a network by one actor.

    The recorder of the session is given what each node took; not that of an actor which died before
    it could tell.

    Raises
    ------
    ClusterError
        When the cluster lacks what one network asks for, or starts no actor in time.
    PreemptedError
        When the session is to stop; actors were given time to write a checkpoint.
    """
    groups = groups_of(work.take("train"))
    if not groups:
        return
    profile = session.profile
    log.info("Connecting to Ray (%s); networks to make: %d", profile.ray.address, len(groups))
    with ray_session(profile.ray, profile.environment, session.stop):
        _train(groups, work, session)


def _train(groups: Sequence[Batch], work: Work, session: Session) -> None:
    profile = session.profile.ray
    total = answer_of(ray.cluster_resources, ANSWER_SECONDS)
    need = Need.of(profile, total)
    room = need.room(total)
    # A single actor waits in Ray's queue at no cost; what watches over several does not.
    auto = room if need.ranks > 1 else len(groups)
    at_once = auto if profile.networks_at_once == "auto" else profile.networks_at_once
    queue, waiting = deque(groups), dict[Any, _Job]()
    watch = RayWatch()
    alive = said = time.monotonic()
    while queue or waiting:
        while queue and len(waiting) < at_once:
            job = _Job(queue.popleft(), session, need)
            waiting[job.start()] = job
        ready, _ = ray.wait(list(waiting), num_returns=len(waiting), timeout=POLL_SECONDS)
        for reference in ready:
            job = waiting.pop(reference)
            watch.gone(job.label)
            error = job.outcome(reference)
            if isinstance(error, ActorDiedError):
                watch.confirm()  # a node that is lost takes its actors with it
                error = job.died(error)
            elif isinstance(error, RayActorError):  # Ray is starting its replacement
                job.note_death()
                waiting[job.start()] = job
                continue
            job.end()
            if isinstance(error, ClusterError):
                raise error
            # Frees its GPU memory, which an idle process would hold.
            answer_of(partial(ray.kill, job.actor), ANSWER_SECONDS)
            failed = {} if error is None else failures_of(session.store, job.nodes, error)
            for node in job.nodes:
                work.end(node, {f: failed[f] for f in node.folders if f in failed})
            session.reporter.network_done(job.label)
        for job in waiting.values():
            if job.tell(session.reporter):
                watch.heard(job.label, job.stage)
        watch.look()
        now = time.monotonic()
        if ready or any(job.alive for job in waiting.values()):
            alive = said = now
        elif now - said > SAY_SECONDS:
            said = now
            _say_nothing_starts(list(waiting.values()), need, now - alive)
        if session.stop.is_set():
            _stop(waiting)
            raise PreemptedError("Stopped while networks were trained. Run again to go on.")


class _Job:
    """An actor, what it was asked to do, and the answer on its way that says how far it is."""

    def __init__(self, nodes: Batch, session: Session, need: Need) -> None:
        self.nodes = nodes
        self.label = nodes[0].label
        self._arguments = (session.store, nodes, session.recorder is not None)
        self._recorder: Recorder | None = session.recorder
        self._recorded: set[TaskRecord] = set()
        # One process captures: the others would wait for it.
        alone = need.ranks == 1 or not any(node.together for node in nodes)
        self._need = need.one_process if alone else need
        self._restarts = session.profile.ray.restarts
        make = network_actor if alone else rank_group
        self.actor = make(self._need, self._restarts)
        self._answer: Any = None
        self.begun = False
        self.alive = False
        self.deaths = 0
        self.stage: tuple[str, int] | None = None
        """How far it was when it answered last."""

    def start(self) -> Any:
        """Ask for the work; the reference is ready when it is done."""
        self._answer = None
        return self.actor.run.remote(*self._arguments)

    def outcome(self, reference: Any) -> Exception | None:
        """How the work ended, which is done: an actor that died, an error of its own, or None."""
        try:
            ray.get(reference)
        except RayActorError as problem:
            died: Exception = problem
            return died
        except RayTaskError as problem:
            cause: Exception = problem.cause if isinstance(problem.cause, Exception) else problem
            return cause
        return None

    def note_death(self) -> None:
        """Say that the actor is gone for now; once, however often it is asked in the meantime."""
        if self.alive:
            self.alive = False
            self.deaths += 1
            log.warning(
                "%s: its actor died, and Ray starts it again (%d of %d times)",
                *(self.label, self.deaths, self._restarts),
            )

    def died(self, problem: ActorDiedError) -> Exception:
        """What it means that the actor is gone for good."""
        last = str(problem).strip().splitlines()[0].rstrip(".")
        if self._need.ranks > 1:
            return ClusterError(
                f"Expected the actor that watches over {self.label} to live. Got: it "
                f"died, so: {last}. Was memory short on the node that the run was started on? All "
                "that is finished is kept: run again."
            )
        return TrainingError(
            f"Expected the actor of {self.label} to live. Got: it died "
            f"{self._restarts + 1} times, the last time so: {last}. Was memory short? Its "
            "checkpoints are kept: run again."
        )

    def tell(self, reporter: Reporter) -> bool:
        """Pass on how far it is; whether it has answered, for which nothing waits."""
        if self._answer is None:
            self._answer = self.actor.progress.remote()
        if not ray.wait([self._answer], timeout=0)[0]:
            return False
        answer, self._answer = self._answer, None
        try:
            progress, records = ray.get(answer)
        except RayActorError:
            return False
        self.alive = True
        self._record(records)
        if progress is not None:
            self.begun = True
            self.stage = (progress.name, progress.done)
            reporter.network(progress)
        return True

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
    free = answer_of(ray.available_resources, ANSWER_SECONDS)
    wanted = ", ".join(f"{amount:g} {name}" for name, amount in need.bundle.items())
    has = ", ".join(f"{free.get(name, 0.0):g} {name}" for name in need.bundle)
    died = ", ".join(f"{job.label} {job.deaths} times" for job in jobs if job.deaths)
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
