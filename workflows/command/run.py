"""repsim run"""

import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from repsim.errors import StudyError
from repsim.text import count
from workflows.command.output import (
    IN_DOUBT,
    LogFormat,
    Overrides,
    StudyFile,
    complain,
    log_console,
    say,
    start_log,
)
from workflows.command.where import (
    ClusterOption,
    ClusterOverrides,
    ProfileStore,
    chosen_profile,
    store_of,
)

if TYPE_CHECKING:
    from workflows.run import RunSummary

__all__ = ["run"]

log = logging.getLogger("repsim")


def run(
    study_file: StudyFile,
    store: ProfileStore = None,
    cluster: ClusterOption = "local",
    cluster_overrides: ClusterOverrides = None,
    engine: Annotated[
        Literal["cluster", "inline"],
        typer.Option(
            help="cluster: Ray trains, Dask matches. inline: all in this process, one after "
            "the other, for tiny studies and debugging."
        ),
    ] = "cluster",
    overrides: Overrides = None,
    stage: Annotated[
        Literal["all", "networks", "comparisons"],
        typer.Option(
            help="networks: train and capture, no more. comparisons: compare the networks that are "
            "there and write the report; train none. Jobs of batch systems do one at a time."
        ),
    ] = "all",
    networks: Annotated[
        str,
        typer.Option(
            metavar="NUMBERS",
            help="With --stage networks: these alone, counted from 0, as in 0-3,7. Jobs that share "
            "no network run side by side.",
            show_default=False,
        ),
    ] = "",
    shard: Annotated[
        str,
        typer.Option(
            metavar="I/N",
            help="Only share I of N of the work, counted from 0, in this process: for array jobs "
            "and indexed jobs, which share nothing but the store. `repsim missing` says which "
            "shares to run again.",
            show_default=False,
        ),
    ] = "",
    performance_report: Annotated[
        str,
        typer.Option(
            metavar="FILE.html",
            help="Write Dask's performance report of the matching to this file.",
            show_default=False,
        ),
    ] = "",
    task_log: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Append one JSON object to this file for each task that ends: what it was, where "
            "it ran, its seconds and its bytes. /dev/stderr is a file, too.",
            show_default=False,
        ),
    ] = "",
    loggers: Annotated[
        list[str] | None,
        typer.Option(
            "--logger",
            metavar="tensorboard|wandb|mlflow|MODULE:NAME",
            envvar="REPSIM_LOGGER",
            help="Log the epochs of each network and the results to this tracker, or to a class of "
            "your own. Can be given several times. Each is configured as its own library is.",
            show_default=False,
        ),
    ] = None,
    log_format: Annotated[
        LogFormat,
        typer.Option(
            help="Of stderr. auto: bars on a terminal, dated lines elsewhere. plain: dated lines. "
            "json: one JSON object on each line (time, level, message, ...), progress included.",
        ),
    ] = "auto",
) -> None:
    """Train, capture, match and report; go on wherever an earlier run was stopped.

    Killing it at any moment loses nothing that was finished: type the same line again, by hand or
    every five minutes. A second run of a study that is active ends at once with 6. What a run did
    is in studies/NAME/run-summary.json of the store. Exit codes: see `repsim --help`.
    """
    start_log(log_format)
    if networks and shard:
        raise StudyError("Expected --networks or --shard. Got both.")
    if networks and stage != "networks":
        raise StudyError(
            f"Expected --networks with --stage networks alone. Got it with --stage {stage}: a "
            "comparison needs two networks."
        )
    asked = [f"dask.performance_report={performance_report!r}"] if performance_report else []
    profile = chosen_profile(cluster, [*(cluster_overrides or ()), *asked])

    from repsim.store import Store
    from repsim.study import load_study
    from workflows.changes import said_before_run
    from workflows.plan import plan_study
    from workflows.progress import progress
    from workflows.run import make_networks, make_shard, run_study
    from workflows.shards import Shard, network_numbers
    from workflows.task_log import task_log as open_task_log
    from workflows.trackers import tracked, tracker_class

    trackers = {name: tracker_class(name) for name in loggers or ()}
    with open_task_log(task_log) as recorder:
        log.info("Reading the study, its data and its model")
        study = load_study(study_file, overrides or ())
        numbers = network_numbers(networks, len(study.networks)) if networks else ()
        target = Store(store_of(store, profile))
        plan = plan_study(study, target)
        if plan.in_doubt:
            log.warning("Left out, in doubt: %s. %s", ", ".join(plan.in_doubt), IN_DOUBT)
        for line in said_before_run(plan, target):
            log.warning(line)
        with (
            progress(log_console(log_format)) as shown,
            tracked(shown, plan, target, trackers) as reporter,
        ):
            given = (plan, target, profile, engine, reporter)
            if shard:
                share = (Shard.parse(shard), stage)
                summary = make_shard(plan, target, profile, reporter, *share, recorder=recorder)
            elif stage == "networks":
                chosen = numbers or tuple(range(len(plan.networks)))
                summary = make_networks(*given, chosen, recorder=recorder)
            else:
                summary = run_study(*given, train=stage == "all", recorder=recorder)
            if summary.report:
                reporter.reported()
    log.info("Ended with exit code %d", summary.exit_code, extra={"summary": asdict(summary)})
    _tell(summary)
    raise typer.Exit(summary.exit_code)


def _tell(summary: "RunSummary") -> None:
    if summary.did_nothing and summary.report:
        say(f"Nothing to do: the study {summary.study!r} is complete.")
    elif not summary.report:
        parts = [count(summary.networks_made, "network")]
        if summary.comparisons_made:
            parts.append(count(summary.comparisons_made, "comparison"))
        made = " and ".join(parts)
        say(f"Made {made} in {summary.seconds:.0f} s, as asked.")
    else:
        say(
            f"Made {count(summary.networks_made, 'network')} and "
            f"{count(summary.comparisons_made, 'comparison')} (a layer of a pair, or two networks "
            f"across layers) in {summary.seconds:.0f} s; "
            f"{count(summary.already_there, 'comparison')} "
            f"{'was' if summary.already_there == 1 else 'were'} there before."
        )
    for folder in summary.repaired:
        say(f"Repaired: {folder} was damaged, and was made again.")
    for label, error in summary.failures.items():
        complain(f"Failed: {label}: {error}", failed=label)
    if summary.failures:
        missing = "The report says what is missing. " if summary.report else ""
        complain(
            f"{missing}What is finished is kept: with the causes above corrected, the same line "
            "makes the rest."
        )
    if summary.report:
        say(f"Report: {summary.report}")
