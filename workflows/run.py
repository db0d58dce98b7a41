"""A run of a study: train → capture → reduce → match → report, resuming wherever it was."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cluster.profile import Profile
from repsim.errors import IntegrityError, RepsimError, StoreError
from repsim.store import Artifact, Store, run_lock
from repsim.tasks.consolidation import study_toml
from repsim.tasks.record import Recorder
from repsim.tasks.specs import StudyPlan
from workflows.one_pass import Engine, Pass
from workflows.progress import Reporter
from workflows.references import record_references
from workflows.shards import Shard, ShardPass, Stage
from workflows.stages import MatchingPass, NetworksPass, ReportPass
from workflows.stopping import stop_on_signals
from workflows.summary import RunSummary, forget_jobs, write_summary

__all__ = ["Engine", "RunSummary", "make_networks", "make_shard", "run_study"]

log = logging.getLogger("repsim")

# Damage is found when something is read; what hides behind it shows only in the next pass.
MOST_PASSES = 6


def run_study(
    plan: StudyPlan,
    store: Store,
    profile: Profile,
    engine: Engine,
    reporter: Reporter,
    *,
    train: bool = True,
    compare: bool = True,
    recorder: Recorder | None = None,
) -> RunSummary:
    """Make everything that is missing, and the report.

    A network or comparison that fails is recorded, and the others go on. An artifact that turns
    out to be damaged is removed and made again. With `train` false no network is made: what is
    there is compared, and the report says what is missing. With `compare` false, too, there is the
    report alone. `recorder` is given what each task took, from any thread.

    Raises
    ------
    ActiveRunError
        When another run of the study is active.
    ClusterError, StoreError
        When Ray, Dask or the store cannot be reached.
    PreemptedError
        After SIGINT, SIGTERM, SIGHUP or SIGUSR2: networks in training have written a checkpoint.
    """
    name = plan.study.name
    summary = RunSummary(study=name, accepted_code=list(plan.accepted_code))
    with run_lock(store, name), stop_on_signals() as stop, _told(store, summary):
        record_references(store, plan)
        store.write(f"studies/{name}/study.toml", study_toml(plan.study).encode())
        kind = Pass if train else MatchingPass if compare else ReportPass
        arguments = (plan, store, profile, engine, reporter, stop, summary, recorder)
        _make(store, summary, lambda: kind(*arguments))
        forget_jobs(store, name)
    return summary


def make_networks(
    plan: StudyPlan,
    store: Store,
    profile: Profile,
    engine: Engine,
    reporter: Reporter,
    numbers: tuple[int, ...],
    *,
    recorder: Recorder | None = None,
) -> RunSummary:
    """Train and capture the networks of these numbers in `plan`, and no more.

    Any number of such jobs may work at the same study; each network belongs in one of them. Raises
    what `run_study` does, `ActiveRunError` when a job of the same numbers is active.
    """
    name = plan.study.name
    job = f"networks-{numbers[0]}"  # of jobs that share no network, each has its own first one
    summary = RunSummary(study=name, accepted_code=list(plan.accepted_code))
    with (
        run_lock(store, f"{name}/jobs/{job}"),
        stop_on_signals() as stop,
        _told(store, summary, job),
    ):
        record_references(store, plan)
        arguments = (plan, store, profile, engine, reporter, stop, summary, recorder)
        _make(store, summary, lambda: NetworksPass(*arguments, numbers=numbers))
    return summary


def make_shard(
    plan: StudyPlan,
    store: Store,
    profile: Profile,
    reporter: Reporter,
    shard: Shard,
    stage: Stage,
    *,
    recorder: Recorder | None = None,
) -> RunSummary:
    """One share of the work, in this process. Any number of shares may be made at once.

    Raises what `run_study` does, `ActiveRunError` when the same share is being made.
    """
    name = plan.study.name
    job = f"shard-{shard}"
    summary = RunSummary(study=name, accepted_code=list(plan.accepted_code))
    with (
        run_lock(store, f"{name}/jobs/{job}"),
        stop_on_signals() as stop,
        _told(store, summary, job),
    ):
        record_references(store, plan)
        store.write(f"studies/{name}/study.toml", study_toml(plan.study).encode())
        engine: Engine = "inline"
        arguments = (plan, store, profile, engine, reporter, stop, summary, recorder)
        _make(store, summary, lambda: ShardPass(*arguments, shard=shard, stage=stage))
    return summary


def _make(store: Store, summary: RunSummary, begin: Callable[[], Pass]) -> None:
    """Pass over the study until nothing is found damaged."""
    for _ in range(MOST_PASSES):
        summary.failures.clear()
        one = begin()
        one.make()
        if not _repair(store, one.errors, summary):
            break
    summary.exit_code = _exit_code(one.errors)


@contextmanager
def _told(store: Store, summary: RunSummary, job: str = "") -> Iterator[None]:
    """Write the summary however the block ends."""
    started = time.monotonic()
    try:
        yield
    except RepsimError as problem:
        summary.exit_code, summary.error = problem.exit_code, str(problem)
        raise
    finally:
        summary.seconds = round(time.monotonic() - started, 3)
        with contextlib.suppress(StoreError):  # the store itself may be what failed
            write_summary(store, summary, job)


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
