"""repsim drive: what the pod runs that `repsim submit --cluster kubernetes` starts."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workflows.command.output import log_console, say, start_log
from workflows.command.where import chosen_profile, store_of

if TYPE_CHECKING:
    from repsim.stages.plan import StudyPlan
    from repsim.store import Store

__all__ = ["drive", "work_left"]

log = logging.getLogger("repsim")


def drive(
    folder: Annotated[
        Path,
        typer.Argument(
            help="With study.toml, profile.toml and the manifests of the stages.",
            show_default=False,
        ),
    ],
) -> None:
    """Take a study through its stages on Kubernetes, and write its report.

    For the pod that `repsim submit` starts. A stage of which nothing is missing is not started.
    Exit code: that of the study, by what is in its store.
    """
    from cluster.kubernetes import Driver, InClusterApi, read_templates
    from cluster.kubernetes import drive as drive_stages

    start_log()
    profile = chosen_profile(str(folder / "profile.toml"), None)
    templates, driver, api = read_templates(folder), Driver.of_this_pod(), InClusterApi()

    from repsim.store import Store
    from repsim.study import load_study
    from workflows.changes import said_before_run
    from workflows.plan import plan_study
    from workflows.progress import progress
    from workflows.run import run_study
    from workflows.stopping import stop_on_signal

    with stop_on_signal() as stop:
        log.info("Reading the study, its data and its model")
        store = Store(store_of(None, profile))
        plan = plan_study(load_study(folder / "study.toml"), store)
        for line in said_before_run(plan, store):
            log.warning(line)
        drive_stages(api, templates, driver, lambda stage: work_left(plan, store, stage), stop)
    with progress(log_console("plain")) as reporter:
        summary = run_study(plan, store, profile, "inline", reporter, train=False, compare=False)
    for label, error in summary.failures.items():
        log.error("Failed: %s: %s", label, error)
    if summary.report:
        say(f"Report: {summary.report}")
    raise typer.Exit(summary.exit_code)


def work_left(plan: "StudyPlan", store: "Store", stage: str) -> int:
    """How many networks (``networks``) or comparisons a job could make now.

    Comparisons of networks that are not there are no work: a job for them would fail at once.
    """
    from workflows.shards import without_networks
    from workflows.state import survey_study

    nodes = survey_study(plan, store).nodes
    if stage == "networks":
        return len({node.share for node in nodes if node.where == "train"})
    possible, _ = without_networks(nodes)
    return len({p.label for node in possible for p in node.makes if p.result})
