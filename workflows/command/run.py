"""repsim run"""

import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from workflows.command.output import (
    LogFormat,
    Overrides,
    StoreOption,
    StudyFile,
    complain,
    log_console,
    say,
    start_log,
)

if TYPE_CHECKING:
    from workflows.run import RunSummary

__all__ = ["run"]

log = logging.getLogger("repsim")


def run(
    study_file: StudyFile,
    store: StoreOption = "runs",
    cluster: Annotated[
        str,
        typer.Option(
            metavar="PROFILE",
            help="Where to run: a profile that ships (local, local-gpu, address), a file of your "
            "own (my.toml), or an address (tcp://host:8786 of a Dask scheduler, "
            "ray://host:10001 of a Ray cluster).",
        ),
    ] = "local",
    engine: Annotated[
        Literal["cluster", "inline"],
        typer.Option(
            help="cluster: Ray trains, Dask matches. inline: all in this process, one after "
            "the other, for tiny studies and debugging."
        ),
    ] = "cluster",
    overrides: Overrides = None,
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
    from cluster.profile import load_profile
    from repsim.store import Store
    from repsim.study import load_study
    from workflows.plan import plan_study
    from workflows.progress import progress
    from workflows.run import run_study

    start_log(log_format)
    log.info("Reading the study, its data and its model")
    study = load_study(study_file, overrides or ())
    profile = load_profile(cluster)
    target = Store(store)
    plan = plan_study(study)
    with progress(log_console(log_format)) as reporter:
        summary = run_study(plan, target, profile, engine, reporter)
    log.info("Ended with exit code %d", summary.exit_code, extra={"summary": asdict(summary)})
    _tell(summary)
    raise typer.Exit(summary.exit_code)


def _tell(summary: "RunSummary") -> None:
    if summary.did_nothing:
        say(f"Nothing to do: the study {summary.study!r} is complete.")
    else:
        say(
            f"Made {summary.networks_made} networks and {summary.comparisons_made} comparisons "
            f"(a layer of a pair) in {summary.seconds:.0f} s; {summary.already_there} comparisons "
            "were there before."
        )
    for folder in summary.repaired:
        say(f"Repaired: {folder} was damaged, and was made again.")
    for label, error in summary.failures.items():
        complain(f"Failed: {label}: {error}", failed=label)
    if summary.failures:
        complain("The report says what is missing. Run the same line again to try again.")
    say(f"Report: {summary.report}")
