"""A run of a study: train → capture → reduce → match → report, resuming wherever it was."""

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cluster.profile import Profile
from repsim.errors import IntegrityError, RepsimError, StoreError
from repsim.store import Artifact, Store, run_lock
from repsim.tasks.consolidation import study_toml
from repsim.tasks.specs import StudyPlan
from workflows.one_pass import Engine, Pass
from workflows.progress import Reporter
from workflows.references import record_references
from workflows.summary import RunSummary, write_summary

__all__ = ["Engine", "RunSummary", "run_study"]

log = logging.getLogger("repsim")

# Damage is found when something is read; what hides behind it shows only in the next pass.
MOST_PASSES = 6


def run_study(
    plan: StudyPlan, store: Store, profile: Profile, engine: Engine, reporter: Reporter
) -> RunSummary:
    """Make everything that is missing, and the report.

    A network or comparison that fails is recorded, and the others go on. An artifact that turns
    out to be damaged is removed and made again.

    Raises
    ------
    ActiveRunError
        When another run of the study is active.
    ClusterError, StoreError
        When Ray, Dask or the store cannot be reached.
    PreemptedError
        After SIGINT or SIGTERM: networks in training have written a checkpoint.
    """
    started = time.monotonic()
    name = plan.study.name
    with run_lock(store, name), _stop_on_signal() as stop:
        record_references(store, plan)
        store.write(f"studies/{name}/study.toml", study_toml(plan.study).encode())
        summary = RunSummary(study=name)
        try:
            for _ in range(MOST_PASSES):
                summary.failures.clear()
                one = Pass(plan, store, profile, engine, reporter, stop, summary)
                one.make()
                if not _repair(store, one.errors, summary):
                    break
            summary.exit_code = _exit_code(one.errors)
        except RepsimError as problem:
            summary.exit_code, summary.error = problem.exit_code, str(problem)
            raise
        finally:
            summary.seconds = round(time.monotonic() - started, 3)
            with contextlib.suppress(StoreError):  # the store itself may be what failed
                write_summary(store, summary)
    return summary


def _repair(store: Store, errors: list[Exception], summary: RunSummary) -> bool:
    """Remove artifacts that were found damaged; whether there were any."""
    damaged = {e.artifact for e in errors if isinstance(e, IntegrityError) and e.artifact}
    for folder in sorted(damaged):
        log.warning("%s was damaged: removed, and made again", folder)
        kind, _, key = folder.partition("/")
        Artifact(store, kind, key).discard()
        summary.repaired.append(folder)
    return bool(damaged)


def _exit_code(errors: list[Exception]) -> int:
    if not errors:
        return 0
    first = next((e for e in errors if isinstance(e, IntegrityError | StoreError)), None)
    return first.exit_code if first is not None else 3


@contextmanager
def _stop_on_signal() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; a second one ends the process at once."""
    stop = threading.Event()

    def handle(number: int, frame: Any) -> None:
        del frame
        if stop.is_set():
            raise KeyboardInterrupt
        log.warning("%s: stopping. Once more to end at once.", signal.Signals(number).name)
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
