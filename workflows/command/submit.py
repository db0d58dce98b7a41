"""repsim submit"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repsim.errors import ActiveRunError, StudyError
from workflows.command.output import Overrides, StudyFile, say
from workflows.command.where import (
    ClusterOption,
    ClusterOverrides,
    ProfileStore,
    chosen_profile,
    store_of,
)

if TYPE_CHECKING:
    from cluster.profile import Profile
    from cluster.slurm import StudyJobs
    from repsim.study import Study

__all__ = ["submit"]


def submit(
    study_file: StudyFile,
    cluster: ClusterOption = "slurm",
    store: ProfileStore = None,
    overrides: Overrides = None,
    cluster_overrides: ClusterOverrides = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Print the jobs' scripts or manifests; write and start nothing."
        ),
    ] = False,
    schedule: Annotated[
        str,
        typer.Option(
            metavar="CRON",
            help="With Kubernetes: run the study again and again, as in '0 3 * * *'.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Give a study to a batch system: jobs that make what is missing, then one that matches.

    With Slurm: an array of jobs trains the networks, and when all have ended a job with Dask
    workers compares them and writes the report. A job whose time is up writes a checkpoint and is
    queued again. `repsim status` says how far the study is; submitting it again makes what is still
    missing. Exit code 6 where its jobs are queued already.

    With Kubernetes: a driver, by kubectl, that starts a job for each stage of which something is
    missing, and writes the report; with a schedule, a CronJob that starts the driver.
    """
    profile = chosen_profile(cluster, cluster_overrides)
    if profile.batch == "kubernetes":
        _to_kubernetes(study_file, overrides, profile, store_of(store, profile), schedule, dry_run)
        return
    if profile.batch != "slurm":
        raise StudyError(
            'Expected a profile of a batch system (batch = "slurm" or "kubernetes"). Got '
            f'{cluster}, with batch = "{profile.batch}". Use `repsim run` with it, or another '
            "profile: repsim cluster list."
        )
    if schedule:
        raise StudyError(
            f"Expected --schedule with a profile for Kubernetes alone. Got {schedule!r} with "
            f"{cluster}. Put the line without it into a crontab: what is active, or complete, is "
            "left alone."
        )
    from cluster.slurm import matching_script, networks_script, queued_jobs
    from cluster.slurm import submit as submit_jobs
    from repsim.stages.report import study_toml
    from repsim.study import load_study

    study = load_study(study_file, overrides or ())
    jobs, complete = _jobs(study, store_of(store, profile), profile)
    if complete:
        say(f"Nothing to do: the study {jobs.study!r} is complete.")
        return
    say(f"{jobs.study} in {jobs.store}: {len(jobs.to_make)} of {jobs.networks} networks to make.")
    if dry_run:
        if jobs.to_make:
            say(f"\n# {jobs.folder}/networks.sh\n{networks_script(profile, jobs)}")
        say(f"\n# {jobs.folder}/matching.sh, when those have ended\n")
        say(matching_script(profile, jobs))
        return
    queued = queued_jobs(jobs)
    if queued:
        raise ActiveRunError(
            f"Expected no jobs of the study {jobs.study!r} in {jobs.store}. Got {', '.join(queued)}"
            " in the queue. Wait for them (squeue --me), or end them with scancel."
        )
    submitted = submit_jobs(profile, jobs, study_toml(study))
    if submitted.networks is not None:
        say(f"Submitted job {submitted.networks}: an array that makes the networks.")
    say(f"Submitted job {submitted.matching}: matches what there is when the networks have ended.")
    say(f"Scripts and logs: {jobs.folder}")
    say(f"How far it is: repsim status {study_file} --store {jobs.store}")


def _to_kubernetes(
    study_file: Path,
    overrides: list[str] | None,
    profile: "Profile",
    store: str,
    schedule: str,
    dry_run: bool,
) -> None:
    from cluster.kubernetes import manifests_of
    from cluster.kubernetes import submit as apply_manifests
    from repsim.study import load_study

    study = load_study(study_file, overrides or ())
    manifests = manifests_of(study, profile, store, schedule=schedule)
    say(manifests.full_text.rstrip() if dry_run else apply_manifests(manifests))


def _jobs(study: "Study", location: str, profile: "Profile") -> "tuple[StudyJobs, bool]":
    """What the jobs are about, and whether nothing is left to do."""
    from cluster.slurm import StudyJobs
    from repsim.stages.trial import try_networks
    from repsim.store import Store
    from workflows.changes import said_before_run
    from workflows.plan import plan_study
    from workflows.state import study_state, survey_study

    store = Store(location)
    plan = plan_study(study, store)
    for line in said_before_run(plan, store):
        say(line)
    survey = survey_study(plan, store)
    try_networks(survey.networks, plan.layers)
    training = {node.share for node in survey.nodes if node.where == "train"}
    to_make = tuple(
        number for number, network in enumerate(plan.networks) if network.key in training
    )
    now = datetime.now().strftime("%Y%m%d-%H%M%S")
    jobs = StudyJobs(
        study=study.name,
        networks=len(plan.networks),
        to_make=to_make,
        folder=Path(profile.slurm.folder).absolute() / f"{study.name}-{now}",
        store=store.location,
        started_in=Path.cwd(),
    )
    return jobs, not any(stage.to_make for stage in study_state(survey))
