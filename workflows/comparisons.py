"""Matching on Dask: the graph of each tile of comparisons, in a sliding window.

Only keys and rows travel; arrays go by way of the store. A comparison is let go of as soon as it is
done, so that a worker that dies takes nothing with it that would be made again.
"""

import math
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import distributed
from dask.task_spec import List, Task, TaskRef
from distributed import Client, Future
from distributed.client import FuturesCancelledError

from cluster.dask_cluster import WorkerSize
from cluster.dask_progress import ProgressWatch
from cluster.dask_records import records_to
from repsim.errors import ClusterError, PreemptedError
from repsim.tasks.graph import Ref, run_step, run_steps, steps_of
from repsim.tasks.record import Recorder
from repsim.tasks.specs import AcrossSpec, ComparisonSpec, TileSpec, tiles_of
from repsim.tasks.specs.comparison import PROCESS_BYTES

__all__ = [
    "Compared",
    "Comparison",
    "Work",
    "check_memory",
    "compare_inline",
    "compare_on_dask",
    "work_of",
]

Comparison = ComparisonSpec | AcrossSpec
Work = TileSpec | AcrossSpec

POLL_SECONDS = 0.5
# With no worker for so long, nobody will come: walltime was up, or the cluster is gone.
NO_WORKERS_SECONDS = 120.0

# Of a Dask worker that has imported what its tasks need, shared libraries included, as Dask counts.
WORKER_BYTES = 180 * 2**20
# distributed.worker.memory.pause and .terminate, as shares of a worker's limit.
PAUSE, TERMINATE = 0.8, 0.95


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What became of a comparison: its results are published, or why not."""

    comparison: Comparison
    error: Exception | None = None


def work_of(comparisons: Sequence[Comparison]) -> list[Work]:
    """Comparisons of layers by tile, and then those across layers."""
    layers = [spec for spec in comparisons if isinstance(spec, ComparisonSpec)]
    across = [spec for spec in comparisons if isinstance(spec, AcrossSpec)]
    return [*tiles_of(layers), *across]


def compare_inline(
    location: str,
    ready: "queue.Queue[Work | None]",
    stop: threading.Event,
    recorder: Recorder | None = None,
) -> Iterator[Compared]:
    """One comparison after the other in this process; None ends the queue."""
    while (work := ready.get()) is not None:
        for step, error in run_steps(steps_of(location, work), recorder):
            if step.completes is not None:
                yield Compared(comparison=step.completes, error=error)
            if stop.is_set():
                raise _stopped()


def compare_on_dask(
    client: Client,
    location: str,
    ready: "queue.Queue[Work | None]",
    stop: threading.Event,
    recorder: Recorder | None = None,
) -> Iterator[Compared]:
    """Each comparison as it is done, in the order in which they end; None ends the queue.

    `recorder` is given what each task took, in a thread of the client.

    Raises
    ------
    ClusterError
        When the scheduler or all workers are gone, or no task ends any more.
    PreemptedError
        When `stop` was set.
    """
    try:
        with records_to(client, recorder) as on_workers:
            yield from _compared(client, location, ready, stop, on_workers)
    except (FuturesCancelledError, OSError) as problem:
        # Whatever is asked of the scheduler may find it gone: a closed connection is an OSError.
        raise _lost() from problem


def _compared(
    client: Client,
    location: str,
    ready: "queue.Queue[Work | None]",
    stop: threading.Event,
    recorder: Recorder | None,
) -> Iterator[Compared]:
    # Enough that no thread waits for the driver, few enough that the scheduler stays quick.
    window = 4 * max(1, sum(client.nthreads().values()))
    running: dict[Future, Comparison | None] = {}
    seen_workers = time.monotonic()
    watch = ProgressWatch(client)
    ended = False
    while running or not ended:
        if stop.is_set():
            raise _stopped()
        while not ended and len(running) < window:
            try:
                work = ready.get(timeout=0 if running else POLL_SECONDS)
            except queue.Empty:
                break
            if work is None:
                ended = True
            else:
                running |= _submit(client, location, work, recorder)
        if not running:
            continue
        try:
            done = distributed.wait(
                list(running), timeout=POLL_SECONDS, return_when="FIRST_COMPLETED"
            ).done
        except TimeoutError:
            seen_workers = _seen_workers(client, seen_workers)
            watch.look()
            continue
        seen_workers = time.monotonic()
        for future in done:
            spec = running.pop(future)
            if spec is not None:
                yield Compared(comparison=spec, error=future.exception())


def check_memory(workers: Sequence[WorkerSize], works: Sequence[Work]) -> None:
    """Refuse what cannot fit, before anything starts.

    Raises
    ------
    ClusterError
        When a task would need more memory than a worker has beside what it takes itself.
    """
    limited = [worker for worker in workers if worker.memory is not None]
    if not works or not limited:
        return
    largest = max(works, key=lambda work: work.memory)
    for worker in limited:
        tasks = worker.threads * (largest.memory - PROCESS_BYTES)
        # A worker gets no tasks above the one share of its limit, and is ended above the other.
        needed = max(WORKER_BYTES / PAUSE, (WORKER_BYTES + tasks) / TERMINATE)
        if worker.memory is not None and worker.memory < needed:
            widest = max(layer.neurons for layer in largest.layers)
            raise ClusterError(
                f"Expected workers with at least {_size(needed)} of memory for their "
                f"{worker.threads} thread(s), which {largest.label} ({widest} neurons a layer) "
                f"needs; a worker itself takes {_size(WORKER_BYTES)}. Got {_size(worker.memory)}. "
                "Raise dask.memory_per_worker of the profile, or start fewer workers or threads on "
                "a machine; fewer resampling.permutations also take less."
            )


def _size(size: float) -> str:
    """As a profile has it, and never less."""
    return f"{math.ceil(size / 2**20)}MiB"


def _submit(
    client: Client, location: str, work: Work, recorder: Recorder | None
) -> dict[Future, Comparison | None]:
    """Submit the graph in one message; its last steps keep those before them while needed."""
    steps = steps_of(location, work)
    # The rest of the digest would only make the scheduler's messages longer.
    keys = {step.name: step.name[: step.name.rindex("-") + 17] for step in steps}

    def resolved(argument: Any) -> Any:
        if isinstance(argument, Ref):
            return TaskRef(keys[argument.step])
        return List(*map(resolved, argument)) if isinstance(argument, list) else argument

    graph = {
        keys[step.name]: Task(
            keys[step.name],
            run_step,
            step.function,
            resolved(list(step.arguments)),
            List(*(TaskRef(keys[name]) for name in step.after)),
            task=step.task,
            of=step.of,
            recorder=recorder,
        )
        for step in steps
    }
    ends = [step for step in steps if step.completes is not None or step is steps[-1]]
    # A worker that lost the store for a moment tries again elsewhere.
    futures = client.get(graph, [keys[step.name] for step in ends], sync=False, retries=1)
    return {future: step.completes for future, step in zip(futures, ends, strict=True)}


def _stopped() -> PreemptedError:
    return PreemptedError("Stopped while layers were matched. Run again to go on.")


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
