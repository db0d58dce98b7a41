"""The driver: takes a study through its stages, a job each, and believes the store alone.

A stage is started when something of it is missing, and has ended when nothing is, or when its job
has. How a job ended is logged and decides nothing. The driver keeps no state: one that replaces a
killed driver finds the job that is running by its name, and waits for it.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from cluster.kubernetes.api import Api
from cluster.kubernetes.stage_job import Driver, has_ended, spoken_state, stage_job
from repsim.errors import ClusterError, PreemptedError, StudyError

__all__ = ["STAGES", "Patience", "drive", "read_templates"]

log = logging.getLogger("repsim")

STAGES = ("networks", "comparisons")


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often the driver looks, and how long it bears with silence; in seconds."""

    poll: float = 30.0
    """Between two looks at the job; the first ones are closer."""
    survey: float = 300.0
    """Between two looks at the store, each of which asks for every artifact."""
    outage: float = 900.0
    """The API of a cluster is away for minutes while its control plane is upgraded."""


def read_templates(folder: Path) -> dict[str, dict[str, Any]]:
    """Template of the job of each stage, as the ConfigMap has them.

    Raises
    ------
    StudyError
        When one is not there, or is no manifest.
    """
    templates = {}
    for stage in STAGES:
        file = folder / f"{stage}.yaml"
        try:
            manifest = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as problem:
            raise StudyError(f"Expected the manifest of a job in {file}. Got: {problem}.") from None
        if not isinstance(manifest, dict) or "kind" not in manifest:
            raise StudyError(f"Expected the manifest of a job in {file}. Got something else.")
        templates[stage] = manifest
    return templates


def drive(
    api: Api,
    templates: Mapping[str, dict[str, Any]],
    driver: Driver,
    missing: Callable[[str], int],
    stop: threading.Event,
    patience: Patience = Patience(),
) -> None:
    """Start the stages of which something is missing, in order, and wait for the end of each.

    Parameters
    ----------
    api
        Of the cluster.
    templates
        Job of each stage.
    driver
        Who owns the jobs.
    missing
        How much of a stage could be made now and is not there, by a look at the store: networks
        for the first stage, comparisons for the second.
    stop
        Set when the driver is to end.
    patience
        How often it looks.

    Raises
    ------
    ClusterError
        When the API refuses, or does not answer for long.
    PreemptedError
        When `stop` was set. The job of the stage goes on; the next driver finds it.
    """
    for stage in STAGES:
        count = missing(stage)
        if count:
            job = _start(api, templates[stage], driver, stage, count)
            _wait(api, job, partial(missing, stage), stop, patience)
        else:
            log.info("%s: nothing to make", stage)


def _start(
    api: Api, template: dict[str, Any], driver: Driver, stage: str, count: int
) -> dict[str, Any]:
    """The job that makes the stage: the one that is running, or a new one."""
    for attempt in itertools.count(1):
        job = stage_job(template, driver, stage, attempt, count)
        name = job["metadata"]["name"]
        found = api.get(job)
        if found is None:
            log.info("%s: %d to make; starting %s", stage, count, name)
            api.create(job)
            return job
        if not has_ended(found):
            log.info("%s: %d to make; %s is at it", stage, count, name)
            return job
    raise AssertionError


def _wait(
    api: Api,
    job: dict[str, Any],
    left: Callable[[], int],
    stop: threading.Event,
    patience: Patience,
) -> None:
    """Until the job has ended, or nothing is left to do: KubeRay may never notice the end."""
    name = job["metadata"]["name"]
    surveyed = answered = time.monotonic()
    pause = min(1.0, patience.poll)
    while not stop.wait(pause):
        pause = min(2 * pause, patience.poll)
        now = time.monotonic()
        try:
            found = api.get(job)
        except ClusterError as problem:
            if now - answered > patience.outage:
                raise
            log.warning("%s", problem)
            continue
        answered = now
        if found is None or has_ended(found):
            log.info("%s: %s", name, "removed" if found is None else spoken_state(found))
            return
        if now - surveyed > patience.survey:
            surveyed, count = now, left()
            log.info("%s: %d left to make; %s", name, count, spoken_state(found))
            if not count:
                return
    raise PreemptedError(f"Stopped while {name} goes on. The next driver waits for it.")
