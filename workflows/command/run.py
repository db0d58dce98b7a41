"""repsim run"""

import logging
from typing import Annotated, Literal

import typer

from workflows.command.output import (
    Overrides,
    StoreOption,
    StudyFile,
    console,
    errors,
    start_log,
)

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
) -> None:
    """Train, capture, match and report; go on wherever an earlier run was stopped.

    Killing it at any moment loses nothing that was finished: type the same line again.
    """
    from cluster.profile import load_profile
    from repsim.store import Store
    from repsim.study import load_study
    from workflows.plan import plan_study
    from workflows.progress import progress
    from workflows.run import run_study

    start_log()
    log.info("Reading the study, its data and its model")
    study = load_study(study_file, overrides or ())
    profile = load_profile(cluster)
    target = Store(store)
    plan = plan_study(study)
    with progress(errors) as reporter:
        summary = run_study(plan, target, profile, engine, reporter)
    if summary.did_nothing:
        console.print(f"Nothing to do: the study {study.name!r} is complete.", highlight=False)
    else:
        console.print(
            f"Made {summary.networks_made} networks and {summary.comparisons_made} comparisons "
            f"(a layer of a pair) in {summary.seconds:.0f} s; {summary.already_there} comparisons "
            "were there before.",
            highlight=False,
        )
    for label, error in summary.failures.items():
        errors.print(f"Failed: {label}: {error}", markup=False, highlight=False, soft_wrap=True)
    if summary.failures:
        errors.print("The report says what is missing. Run the same line again to try again.")
    console.print(f"Report: {summary.report}", highlight=False, soft_wrap=True)
    raise typer.Exit(summary.exit_code)
