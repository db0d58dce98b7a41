"""A run of a study: train → capture → reduce → match → report, resuming wherever it was.

It makes what the graph of the study lacks: all of it, some networks, or a share. Which engine does
so is not its business.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from cluster.profile import Profile
from repsim.errors import PreemptedError, RepsimError, StoreError, TrainingError
from repsim.graph import Node, Recorder
from repsim.stages.plan import StudyPlan
from repsim.stages.report import study_toml
from repsim.store import Store, run_lock
from workflows.engines import Engine, Session
from workflows.passes import Passes
from workflows.progress import Reporter
from workflows.references import record_references
from workflows.shards import Shard, Stage, without_networks
from workflows.stopping import stop_on_signal
from workflows.summary import RunSummary, forget_jobs, job_failures, write_summary

__all__ = ["RunSummary", "make_networks", "make_shard", "run_study"]

UNKNOWN = "its job was killed or has not ended. See its log, and submit the study again."


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
    with _begun(plan, store, profile, engine, reporter, recorder) as run:
        if not train:
            run.left_out["train"] = _absent_networks(job_failures(store, plan.study.name))
        if not compare:
            run.left_out["match"] = _absent_rows
        run.make(lambda plan, existing: plan.graph.missing(existing), then=run.report)
        forget_jobs(store, plan.study.name)
    return run.summary


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
    job = f"networks-{numbers[0]}"  # of jobs that share no network, each has its own first one
    wanted = {plan.networks[number].key for number in numbers}
    with _begun(plan, store, profile, engine, reporter, recorder, job) as run:
        run.make(lambda plan, existing: _training(plan, existing, wanted), of=())
    return run.summary


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

    Whoever finds the study complete writes the report. Raises what `run_study` does,
    `ActiveRunError` when the same share is being made.
    """
    with _begun(plan, store, profile, "inline", reporter, recorder, f"shard-{shard}") as run:
        if stage != "comparisons":
            wanted = shard.networks(plan.graph)
            run.make(lambda plan, existing: _training(plan, existing, wanted), of=())
        if stage != "networks":
            targets = shard.targets(plan.graph)
            waiting: list[str] = []

            def matching(plan: StudyPlan, existing: set[str]) -> list[Node]:
                nodes = plan.graph.missing(existing, targets)
                possible, others = without_networks(nodes)
                waiting[:] = [product.label for node in others for product in node.results]
                return possible

            def end() -> None:
                if waiting:
                    run.fail(
                        f"{len(set(waiting))} comparisons of share {shard.number}/{shard.count}",
                        TrainingError(
                            "Expected their networks to be trained and captured. Got some that are "
                            f"not, first of {waiting[0]}. Run this share again when other shares "
                            "have made them."
                        ),
                    )
                elif not plan.graph.missing(run.look(plan)):
                    run.report()

            run.make(matching, of=targets, then=end)
    return run.summary


def _training(plan: StudyPlan, existing: set[str], networks: set[str]) -> list[Node]:
    nodes = plan.graph.missing(existing)
    return [node for node in nodes if node.where == "train" and node.share in networks]


def _absent_networks(reasons: Mapping[str, str]) -> Callable[[Node], dict[str, Exception]]:
    """Why networks and layers are missing that jobs should have made, by what these said."""

    def absent(node: Node) -> dict[str, Exception]:
        of_network = reasons.get(node.label, UNKNOWN)
        network = f"Expected a network that is trained and captured. Got none: {of_network}"
        layer = f"Expected activations of this layer. Got none: {UNKNOWN}"
        if node.label in reasons:
            layer = network
        return {
            product.folder: TrainingError(
                network if product.label == node.label else reasons.get(product.label, layer)
            )
            for product in node.makes
        }

    return absent


def _absent_rows(node: Node) -> dict[str, Exception]:
    error = TrainingError(f"Expected rows of this comparison. Got none: {UNKNOWN}")
    return dict.fromkeys(node.folders, error)


@contextmanager
def _begun(
    plan: StudyPlan,
    store: Store,
    profile: Profile,
    engine: Engine,
    reporter: Reporter,
    recorder: Recorder | None,
    job: str = "",
) -> Iterator[Passes]:
    """A run with its lock held, and its summary written however the block ends."""
    name = plan.study.name
    summary = RunSummary(study=name, accepted_code=list(plan.accepted_code))
    lock = f"{name}/jobs/{job}" if job else name
    started = time.monotonic()
    with stop_on_signal() as stop, run_lock(store, lock):
        try:
            record_references(store, plan)
            if not job.startswith("networks"):
                store.write(f"studies/{name}/study.toml", study_toml(plan.study).encode())
            session = Session(
                store=store, profile=profile, reporter=reporter, stop=stop, recorder=recorder
            )
            run = Passes(plan=plan, session=session, engine=engine, summary=summary)
            yield run
            summary.exit_code = run.exit_code
        except RepsimError as problem:
            summary.exit_code, summary.error = problem.exit_code, str(problem)
            raise
        except SystemExit:  # the second signal
            summary.exit_code, summary.error = PreemptedError.exit_code, "Stopped at once."
            raise
        finally:
            summary.seconds = round(time.monotonic() - started, 3)
            with contextlib.suppress(StoreError):  # the store itself may be what failed
                write_summary(store, summary, job)
