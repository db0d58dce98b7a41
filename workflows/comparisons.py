"""Matching on Dask: the graph of each comparison, submitted in a sliding window.

Only keys and rows travel; arrays go by way of the store. A comparison is let go of as soon as it is
done, so that a worker that dies takes nothing with it that would be made again.
"""

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import distributed
from distributed import Client, Future
from distributed.client import FuturesCancelledError
from distributed.comm import CommClosedError

from cluster.dask_cluster import task_memory
from repsim.errors import ClusterError, PreemptedError
from repsim.tasks.graph import Ref, Step, comparison_steps, run_steps
from repsim.tasks.specs import ComparisonSpec

__all__ = ["Compared", "check_memory", "compare_inline", "compare_on_dask"]

POLL_SECONDS = 0.5
# With no worker for so long, nobody will come: walltime was up, or the cluster is gone.
NO_WORKERS_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What became of a comparison: its rows are published, or why not."""

    comparison: ComparisonSpec
    error: Exception | None = None


def compare_inline(
    location: str, ready: "queue.Queue[ComparisonSpec | None]", stop: threading.Event
) -> Iterator[Compared]:
    """One comparison after the other in this process; None ends the queue."""
    while (spec := ready.get()) is not None:
        if stop.is_set():
            raise PreemptedError("Stopped while layers were matched. Run again to go on.")
        error: Exception | None = None
        try:
            run_steps(comparison_steps(location, spec))
        except Exception as problem:
            error = problem
        yield Compared(comparison=spec, error=error)


def compare_on_dask(
    client: Client,
    location: str,
    ready: "queue.Queue[ComparisonSpec | None]",
    stop: threading.Event,
) -> Iterator[Compared]:
    """Each comparison as it is done, in the order in which they end; None ends the queue.

    Raises
    ------
    ClusterError
        When the scheduler or all workers are gone.
    PreemptedError
        When `stop` was set.
    """
    # Enough that no thread waits for the driver, few enough that the scheduler stays quick.
    window = 4 * max(1, sum(client.nthreads().values()))
    running: dict[Future, ComparisonSpec] = {}
    seen_workers = time.monotonic()
    ended = False
    while running or not ended:
        if stop.is_set():
            raise PreemptedError("Stopped while layers were matched. Run again to go on.")
        while not ended and len(running) < window:
            try:
                spec = ready.get(timeout=0 if running else POLL_SECONDS)
            except queue.Empty:
                break
            if spec is None:
                ended = True
            else:
                running[_submit(client, spec, comparison_steps(location, spec))] = spec
        if not running:
            continue
        try:
            done = distributed.wait(
                list(running), timeout=POLL_SECONDS, return_when="FIRST_COMPLETED"
            ).done
        except (FuturesCancelledError, CommClosedError) as problem:
            raise _lost() from problem
        except TimeoutError:
            seen_workers = _seen_workers(client, seen_workers)
            continue
        seen_workers = time.monotonic()
        for future in done:
            spec = running.pop(future)
            yield Compared(comparison=spec, error=future.exception())


def check_memory(client: Client, comparisons: list[ComparisonSpec]) -> None:
    """Refuse what cannot fit, before anything starts.

    Raises
    ------
    ClusterError
        When a task would need more memory than a worker gives it.
    """
    if not comparisons:
        return
    limit = task_memory(client)
    largest = max(comparisons, key=lambda comparison: comparison.memory)
    if largest.memory > limit:
        raise ClusterError(
            f"Expected workers with at least {largest.memory / 2**30:.1f} GiB for each thread, "
            f"which {largest.label} ({largest.x.neurons} + {largest.y.neurons} neurons) needs. "
            f"Got {limit / 2**30:.1f} GiB. Start fewer workers or threads on a machine "
            "(the profile's [dask] table), or larger ones."
        )


def _submit(client: Client, spec: ComparisonSpec, steps: list[Step]) -> Future:
    """Submit the graph; the future of its last step keeps those before it alive while needed."""
    futures: dict[str, Future] = {}

    def resolved(argument: Any) -> Any:
        if isinstance(argument, Ref):
            return futures[argument.step]
        return [resolved(item) for item in argument] if isinstance(argument, list) else argument

    for step in steps:
        futures[step.name] = client.submit(
            step.function,
            *map(resolved, step.arguments),
            key=f"{step.name[:24]}-{spec.key[:16]}",
            # A worker that lost the store for a moment tries again elsewhere.
            retries=1,
            pure=False,
        )
    return futures[steps[-1].name]


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
