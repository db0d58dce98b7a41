"""Noticing that nothing moves on a Dask cluster: workers that die again and again, or wait."""

import logging
import time
from dataclasses import dataclass
from typing import Any

from distributed import Client

from repsim.errors import ClusterError

__all__ = ["ProgressWatch"]

log = logging.getLogger("repsim")

LOOK_SECONDS = 5.0
# Without a task that ended for so long, and with so many workers that died, none will end.
STALL_SECONDS = 120.0
STALL_DEATHS = 4
# A task may take long: after so long without any it is said which are at work, and again.
SAY_SECONDS = 600.0
SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Motion:
    """What the scheduler knows."""

    finished: int
    """Tasks that ever ended."""
    deaths: tuple[str, ...]
    """Addresses of the workers that are gone, oldest first."""
    over_memory: int
    """How many of these were ended for their memory."""
    tasks: tuple[str, ...]
    """Those on workers, with the number of workers that died of each."""
    workers: tuple[str, ...]
    """Address and state of each worker."""
    waiting: bool
    """Whether every worker has stopped to take tasks, or has none."""


class ProgressWatch:
    """Compares what the scheduler knows with what it knew when a task ended last."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._finished = -1
        self._deaths = 0
        self._since = self._looked = time.monotonic()
        self._said_deaths, self._said_at = 0, self._since

    def look(self) -> None:
        """Say when workers die or tasks take long; to be called often.

        Raises
        ------
        ClusterError
            When no task ends, and workers die again and again or take none.
        """
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        motion = Motion(**self._client.run_on_scheduler(_motion))
        if motion.finished > self._finished:
            self._finished, self._since, self._said_at = motion.finished, now, now
            self._deaths = self._said_deaths = len(motion.deaths)
            return
        idle, deaths = now - self._since, len(motion.deaths) - self._deaths
        words = _words(motion, deaths, idle)
        if idle > STALL_SECONDS and (deaths >= STALL_DEATHS or motion.waiting):
            advice = "Give workers more memory (dask.memory_per_worker), or fewer threads"
            raise ClusterError(
                f"Expected tasks to end. Got {words}. {advice}, and run again: what is finished "
                "is kept."
            )
        if deaths > self._said_deaths or now - self._said_at > SAY_SECONDS:
            self._said_deaths, self._said_at = deaths, now
            log.warning("Nothing moves: %s", words)


def _words(motion: Motion, deaths: int, idle: float) -> str:
    died = ", ".join(dict.fromkeys(motion.deaths[len(motion.deaths) - deaths :][-SHOWN:]))
    memory = f", {motion.over_memory} for their memory" if motion.over_memory else ""
    gone = f"; {deaths} workers died{memory} (the last: {died})" if deaths else ""
    tasks = ", ".join(motion.tasks[:SHOWN]) or "none"
    more = f" and {len(motion.tasks) - SHOWN} more" if len(motion.tasks) > SHOWN else ""
    return (
        f"no task that ended for {idle:.0f} s{gone}; workers: {', '.join(motion.workers[:SHOWN])}; "
        f"their tasks: {tasks}{more}"
    )


def _motion(dask_scheduler: Any) -> dict[str, Any]:
    """The fields of `Motion`; called in the scheduler."""
    gone = [
        event["worker"]
        for _, event in dask_scheduler.get_events("all")
        if event.get("action") == "remove-worker"
    ]
    workers = list(dask_scheduler.workers.values())
    tasks = [task for worker in workers for task in worker.processing]
    return {
        "finished": sum(p.state_counts["memory"] for p in dask_scheduler.task_prefixes.values()),
        "deaths": tuple(gone),
        "over_memory": len(dask_scheduler.get_events("worker-restart-memory")),
        "tasks": tuple(
            f"{task.key} ({task.suspicious} workers died of it)" if task.suspicious else task.key
            for task in sorted(tasks, key=lambda task: -task.suspicious)
        ),
        "workers": tuple(f"{worker.address} ({worker.status.name})" for worker in workers),
        "waiting": bool(workers)
        and (not tasks or all(worker.status.name == "paused" for worker in workers)),
    }
