"""Matching on Dask: batches of nodes as tasks that depend on one another, in a sliding window.

Arrays go by way of the store. A batch is let go of as soon as it is done, so that a worker that
dies takes nothing with it that would be made again.
"""

import logging
import math
import secrets
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import distributed
from distributed import Client, Future, KilledWorker
from distributed.client import FuturesCancelledError
from threadpoolctl import threadpool_limits

from cluster.dask_cluster import (
    WorkerSize,
    check_dask,
    dask_session,
    local_worker_size,
    worker_sizes,
)
from cluster.dask_progress import ProgressWatch
from cluster.dask_records import records_to
from repsim.errors import ClusterError, PreemptedError
from repsim.graph import (
    PROCESS_BYTES,
    Batch,
    Failed,
    Node,
    Recorder,
    Work,
    Worker,
    batches_of,
    run_batch,
)
from repsim.store import Store
from workflows.engines.session import Session

__all__ = ["check", "check_memory", "match"]

log = logging.getLogger("repsim")

POLL_SECONDS = 0.5
# With no worker for so long, nobody will come: walltime was up, or the cluster is gone.
NO_WORKERS_SECONDS = 120.0

# A batch takes about so long: long beside what a task costs, short beside a study.
BATCH_SECONDS = 2.0
# Of a study that is small beside its workers, each thread gets about so many.
BATCHES_PER_THREAD = 4
# Tasks of each thread that are submitted at a time: no thread waits for the driver, and the
# scheduler stays quick.
WINDOW_PER_THREAD = 4

# Of a Dask worker that has imported what its tasks need, shared libraries included, as Dask counts.
WORKER_BYTES = 180 * 2**20
# distributed.worker.memory.pause and .terminate, as shares of a worker's limit.
PAUSE, TERMINATE = 0.8, 0.95


def check(nodes: Sequence[Node], session: Session) -> None:
    """Refuse what can be known to fail, before hours of training.

    Raises
    ------
    StudyError
        As `check_dask`.
    ClusterError
        As `check_memory`, of the workers that a local cluster will have.
    """
    matching = [node for node in nodes if node.where == "match"]
    if not matching:
        return
    profile = session.profile.dask
    check_dask(profile)
    if profile.scheduler == "local":
        check_memory([local_worker_size(profile)], matching)


def match(work: Work, session: Session) -> None:
    """Make the nodes that match; none of them is lost when a worker dies.

    Raises
    ------
    ClusterError
        When the scheduler or all workers are gone, or no task ends any more.
    PreemptedError
        When the session is to stop.
    """
    profile = session.profile.dask
    log.info("Connecting to Dask (%s)", profile.scheduler)
    with dask_session(profile, session.stop) as client:
        try:
            with records_to(client, session.recorder) as on_workers:
                _Matching(client, work, session, on_workers).run()
        except (FuturesCancelledError, OSError) as problem:
            # Whatever is asked of the scheduler may find it gone; a closed one is an OSError.
            raise _lost() from problem


@dataclass
class _Matching:
    """Nodes on their way through a Dask cluster."""

    client: Client
    work: Work
    session: Session
    recorder: Recorder | None
    threads: int = 1
    """Of all workers, when nodes were planned last."""
    waiting: deque[Batch] = field(default_factory=deque)
    running: dict[Future, Batch] = field(default_factory=dict)
    making: dict[str, Future] = field(default_factory=dict)
    """By ``kind/key``, the task that makes it."""
    unmade: set[str] = field(default_factory=set)
    """What is made by a batch that waits or runs."""
    before: dict[Future, list[Future]] = field(default_factory=dict)
    """What a task depends on."""
    divided: set[Future] = field(default_factory=set)
    """Tasks that ended workers, or were there when others did, and those that depend on them."""
    suspects: deque[Batch] = field(default_factory=deque)
    """Their nodes: each is tried when nothing else runs, so that no other has ended the worker."""
    on_trial: Future | None = None

    def run(self) -> None:
        """Until nothing is left."""
        sizes = worker_sizes(self.client)
        watch = ProgressWatch(self.client)
        seen_workers = time.monotonic()
        while True:
            if self.session.stop.is_set():
                raise PreemptedError("Stopped while layers were matched. Run again to go on.")
            if nodes := self.work.take("match"):
                check_memory(sizes, nodes)
                self._plan(nodes)
            self._submit()
            if not self.running:
                if not self.waiting and not self.work.left("match"):
                    return
                self.session.stop.wait(POLL_SECONDS)  # for networks
                continue
            try:
                done = distributed.wait(
                    list(self.running), timeout=POLL_SECONDS, return_when="FIRST_COMPLETED"
                ).done
            except TimeoutError:
                seen_workers = _seen_workers(self.client, seen_workers)
                watch.look()
                continue
            seen_workers = time.monotonic()
            for future in [future for future in self.running if future in done]:
                self._end(future)

    def _plan(self, nodes: Sequence[Node]) -> None:
        self.threads = max(1, sum(self.client.nthreads().values()))
        share = sum(node.seconds for node in nodes) / (BATCHES_PER_THREAD * self.threads)
        batches = batches_of(nodes, min(BATCH_SECONDS, share))
        self.waiting.extend(batches)
        log.info("Matching: %d nodes of the graph in %d tasks", len(nodes), len(batches))
        self.unmade.update(*(node.folders for node in nodes))

    def _submit(self) -> None:
        if self.on_trial is not None:
            return
        window = WINDOW_PER_THREAD * self.threads if self.waiting else 0
        for _ in range(len(self.waiting)):
            if len(self.running) >= window:
                return
            batch = self.waiting.popleft()
            own = {folder for node in batch for folder in node.folders}
            needed = {need for node in batch for need in node.needs} - own
            if any(need in self.unmade and need not in self.making for need in needed):
                self.waiting.append(batch)  # what it needs is tried once more
                continue
            self._send(batch, own, needed)
        if self.suspects and not self.running:
            (suspect,) = batch = self.suspects.popleft()
            self.on_trial = self._send(batch, set(suspect.folders), set(suspect.needs))

    def _send(self, batch: Batch, own: set[str], needed: set[str]) -> Future:
        before = list(dict.fromkeys(self.making[n] for n in needed if n in self.making))
        failed = {f: error for f, error in self.work.failed.items() if f in needed}
        longest = max(batch, key=lambda node: node.seconds)
        future = self.client.submit(
            _run,
            self.session.store,
            batch,
            [failed, *before],
            self.recorder,
            key=f"{longest.task}-{secrets.token_hex(8)}",
            # A worker that lost the store for a moment tries again elsewhere.
            retries=1,
        )
        self.running[future], self.before[future] = batch, before
        self.making |= dict.fromkeys(own, future)
        return future

    def _end(self, future: Future) -> None:
        on_trial = future is self.on_trial
        if on_trial:
            self.on_trial = None
        batch, before = self.running.pop(future), self.before.pop(future)
        error = future.exception()
        for folder in (folder for node in batch for folder in node.folders):
            self.making.pop(folder, None)
        if error is not None and not self.divided.isdisjoint(before):
            self.divided.add(future)
            self.waiting.append(batch)  # it has failed with what it depended on
            return
        if isinstance(error, KilledWorker) and not on_trial:
            # One of its nodes ends workers, or what else ran there: no other shall fail for it.
            self.divided.add(future)
            self.suspects.extend((node,) for node in batch)
            return
        failed: Failed = {} if error is not None else future.result()
        for node in batch:
            self.unmade.difference_update(node.folders)
            if error is None:
                self.work.end(node, {f: failed[f] for f in node.folders if f in failed})
            else:
                self.work.end(node, dict.fromkeys(node.folders, error))


def _run(
    store: Store, batch: Batch, before: Sequence[Failed], recorder: Recorder | None
) -> dict[str, Exception]:
    """A task: one thread for BLAS, since the number of threads changes the last bits."""
    with threadpool_limits(limits=1):
        return run_batch(store, batch, before, Worker(recorder=recorder))


def check_memory(workers: Sequence[WorkerSize], nodes: Sequence[Node]) -> None:
    """Refuse what cannot fit, before anything starts.

    Raises
    ------
    ClusterError
        When a task would need more memory than a worker has beside what it takes itself.
    """
    limited = [worker for worker in workers if worker.memory is not None]
    if not nodes or not limited:
        return
    largest = max(nodes, key=lambda node: node.memory)
    for worker in limited:
        tasks = worker.threads * (largest.memory - PROCESS_BYTES)
        # A worker gets no tasks above the one share of its limit, and is ended above the other.
        needed = max(WORKER_BYTES / PAUSE, (WORKER_BYTES + tasks) / TERMINATE)
        if worker.memory is not None and worker.memory < needed:
            raise ClusterError(
                f"Expected workers with at least {_size(needed)} of memory for their "
                f"{worker.threads} thread(s), which {largest.label} needs; "
                f"a worker itself takes {_size(WORKER_BYTES)}. Got {_size(worker.memory)}. "
                "Raise dask.memory_per_worker of the profile, or start fewer workers or threads on "
                "a machine; fewer resampling.permutations also take less."
            )


def _size(size: float) -> str:
    """As a profile has it, and never less."""
    return f"{math.ceil(size / 2**20)}MiB"


def _lost() -> ClusterError:
    return ClusterError(
        "Expected the Dask scheduler to answer. Got no connection. Run again when it is back: what "
        "is finished is kept."
    )


def _seen_workers(client: Client, before: float) -> float:
    """When workers were last seen; an error where that is too long ago."""
    now = time.monotonic()
    if client.status not in {"running", "connecting"}:
        raise _lost()
    if client.nthreads():
        return now
    if now - before > NO_WORKERS_SECONDS:
        raise ClusterError(
            f"Expected Dask workers. Got none for {NO_WORKERS_SECONDS:.0f} s. Start some and run "
            "again: what is finished is kept."
        )
    return before
