"""The scripts of a study's jobs: text, made from a profile and from nothing else."""

import math
import shlex
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from cluster.schema import Profile, SlurmJob, memory_bytes
from repsim.errors import StudyError

__all__ = ["StudyJobs", "job_directives", "matching_script", "networks_script"]


@dataclass(frozen=True, kw_only=True)
class StudyJobs:
    """What the jobs of a study are about."""

    study: str
    """Its name."""
    networks: int
    """How many networks it has."""
    to_make: tuple[int, ...]
    """Numbers of those that are to be made, counted from 0."""
    folder: Path
    """Where study.toml, profile.toml, the scripts and the logs are."""
    store: str
    started_in: Path
    """The working directory of the jobs."""


def networks_script(profile: Profile, jobs: StudyJobs) -> str:
    """An array of jobs on one node each, of which each trains and captures some networks with Ray.

    Raises
    ------
    StudyError
        When the profile leaves open what Slurm must be told.
    """
    ray, slurm = profile.ray, profile.slurm
    side_by_side = slurm.networks_per_job
    if ray.gpus_per_network == "auto":
        raise StudyError(
            "Expected the number of GPUs of a network in a profile for Slurm. Got 'auto'. Set "
            "ray.gpus_per_network: 1, a part as 0.25, or 0 for none."
        )
    gpus = math.ceil(ray.gpus_per_network * side_by_side)
    memory = ray.memory_per_network
    limit = (
        "auto" if ray.networks_at_once == "auto" else max(1, ray.networks_at_once // side_by_side)
    )
    array = _ranges(number // side_by_side for number in jobs.to_make)
    directives = [
        f"--array={array}" if limit == "auto" else f"--array={array}%{limit}",
        "--nodes=1",
        "--ntasks=1",
        f"--cpus-per-task={ray.cpus_per_network * side_by_side}",
        *([f"--mem={memory_bytes(memory) * side_by_side // 2**20}M"] if memory else []),
        *([f"--gres={slurm.gres}:{gpus}"] if gpus else []),
    ]
    return _render(
        "networks.sh.j2",
        profile,
        jobs,
        directives=[*directives, *_directives(profile, jobs, "networks", slurm.networks, "%a.log")],
        networks_per_job=side_by_side,
        networks=jobs.networks,
    )


def matching_script(profile: Profile, jobs: StudyJobs) -> str:
    """A job on any number of nodes that compares the networks with Dask, and writes the report.

    Raises
    ------
    StudyError
        When the profile leaves open what Slurm must be told.
    """
    dask, slurm = profile.dask, profile.slurm
    if dask.workers == "auto":
        raise StudyError(
            "Expected the number of Dask workers in a profile for Slurm. Got 'auto'. Set "
            "dask.workers."
        )
    threads, memory = dask.threads_per_worker, dask.memory_per_worker
    mebibytes = memory_bytes(memory) // 2**20 if memory else 0
    directives = [
        f"--ntasks={dask.workers + 1}",
        f"--cpus-per-task={threads}",
        *([f"--mem-per-cpu={math.ceil(mebibytes / threads)}M"] if memory else []),
    ]
    interface = f"--interface {shlex.quote(dask.interface)}" if dask.interface else ""
    # Dask's web servers know no certificates: they stay on the node, and answer nothing.
    no_dashboard = "--no-dashboard --dashboard-address 127.0.0.1:0"
    dashboard = "" if dask.dashboard else no_dashboard
    limit = f"--memory-limit {mebibytes}MiB" if memory else ""
    return _render(
        "matching.sh.j2",
        profile,
        jobs,
        directives=[*directives, *_directives(profile, jobs, "matching", slurm.matching, ".log")],
        workers=dask.workers,
        threads=threads,
        dashboard=dask.dashboard,
        scheduler_options=" ".join(filter(None, (interface, dashboard))),
        worker_options=" ".join(filter(None, (interface, no_dashboard, limit))),
    )


def _check_paths(jobs: StudyJobs) -> None:
    """Refuse paths that a line of ``#SBATCH`` would not give to Slurm as they are.

    Raises
    ------
    StudyError
        Naming the path.
    """
    for what, path in (("store", jobs.store), ("working directory", jobs.started_in)):
        if not str(path).isprintable():
            raise StudyError(
                f"Expected a {what} without control characters for jobs of Slurm. Got "
                f"{str(path)!a}. Rename it."
            )
    folder = str(jobs.folder)
    if not folder.isprintable() or set(folder) & set("%\\"):
        raise StudyError(
            "Expected a folder of jobs without %, \\ and control characters, which Slurm reads as "
            f"signs of its own. Got {folder!a}. Set slurm.folder to another, absolute one."
        )


def job_directives(profile: Profile, job: SlurmJob) -> list[str]:
    """To whom and where a job belongs."""
    named = (
        ("partition", job.partition),
        ("account", profile.slurm.account),
        ("qos", profile.slurm.qos),
    )
    return [*(f"--{name}={value}" for name, value in named if value), *job.directives]


def _directives(
    profile: Profile, jobs: StudyJobs, kind: str, job: SlurmJob, log: str
) -> Iterator[str]:
    yield f"--job-name=repsim-{jobs.study}-{kind}"
    yield f"--comment={shlex.quote(jobs.store)}"
    yield f"--chdir={shlex.quote(str(jobs.started_in))}"
    separator = "-" if log.startswith("%") else ""
    yield f"--output={shlex.quote(f'{jobs.folder}/{kind}{separator}{log}')}"
    yield "--open-mode=append"
    yield f"--time={job.walltime}"
    yield f"--signal=B:USR2@{profile.slurm.warning_seconds}"
    yield "--requeue"
    yield from job_directives(profile, job)


def _render(template: str, profile: Profile, jobs: StudyJobs, **values: object) -> str:
    environment = Environment(
        loader=PackageLoader("cluster", "slurm"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quoted"] = shlex.quote
    _check_paths(jobs)
    python = python_command(profile)
    study = shlex.quote(f"{jobs.folder}/study.toml")
    cluster = shlex.quote(f"{jobs.folder}/profile.toml")
    store = shlex.quote(jobs.store)
    command = f"{python} -m workflows.command run {study} --store {store} --cluster {cluster}"
    text: str = environment.get_template(template).render(
        environment=sorted(profile.environment.items()),
        setup=profile.slurm.setup,
        warning=profile.slurm.warning_seconds,
        requeues=profile.slurm.requeues,
        python=python,
        folder=str(jobs.folder),
        repsim=f"{command} --log-format plain",
        **values,
    )
    return text


def python_command(profile: Profile) -> str:
    """Words of shell that start Python with repsim on a node."""
    return profile.slurm.python or shlex.quote(sys.executable)


def _ranges(numbers: Iterable[int]) -> str:
    """As ``0-3,7``.

    >>> _ranges([7, 0, 1, 2, 2, 3])
    '0-3,7'
    """
    distinct = sorted(set(numbers))
    groups = groupby(enumerate(distinct), key=lambda item: item[1] - item[0])
    runs = ([number for _, number in group] for _, group in groups)
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
