"""Studies from Python: `repsim.run` does what the command does, `repsim.load_study` reads it.

Above the workflows, as the command is: nothing in repsim imports this module.
"""

import hashlib
import logging
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from repsim.errors import IntegrityError, RepsimError, StudyError, TrainingError, unknown_name
from repsim.extras import study_extra
from repsim.results import read_table
from repsim.stages.report_manifest import ReportManifest, read_manifest, report_folder
from repsim.store import Store
from repsim.study import load_study as read_study
from repsim.study import parse_study
from repsim.study_results import StudyResults
from repsim.text import count

if TYPE_CHECKING:
    from repsim.stages.plan import StudyPlan
    from workflows.progress import Reporter

__all__ = ["load_study", "run"]

log = logging.getLogger("repsim")

# The folder of a study in a store, or something in it that leads to it.
_IN_STORE = re.compile(
    r"(?P<store>.*?)/studies/(?P<name>[^/]+)(/(report(/report\.html)?|report\.json|study\.toml))?"
)


def load_study(study: str | Path, *, store: str | Path | None = None) -> StudyResults:
    """The results of a study, complete or not. Tables are read when they are asked for.

    Parameters
    ----------
    study
        Its folder in a store, ``runs/studies/digits`` or ``s3://bucket/prefix/studies/digits``; or
        a study file, whose results are looked for in `store`.
    store
        With a study file: the folder or URL of the store; by default as for ``repsim run``.

    Raises
    ------
    StudyError
        When there is no such study, or nothing of it has been made.
    StoreError
        When the store cannot be reached.

    Examples
    --------
    >>> load_study("runs/studies/digits").plot("match-curves")  # doctest: +SKIP
    """
    given = str(study).rstrip("/")
    place = given if "://" in given else str(Path(given).absolute())
    found = _IN_STORE.fullmatch(place)
    is_file = place.endswith(".toml")
    if found and (not is_file or place.endswith("/study.toml")):
        return _of_store(Store(found["store"] or "/"), found["name"])
    if is_file:
        with study_extra():
            from workflows.command.where import chosen_profile, store_of
            from workflows.plan import plan_study

        target = Store(store_of(str(store) if store else None, chosen_profile("local", None)))
        return _of_plan(target, plan_study(read_study(Path(given)), target))
    known = _studies(Store(place))
    inside = (
        f"That is a store; its studies: {', '.join(f'{given}/studies/{name}' for name in known)}."
        if known
        else "It exists, and is neither."
        if "://" in place or Path(place).exists()
        else "It does not exist."
    )
    raise StudyError(
        "Expected the folder of a study in a store, as runs/studies/digits or "
        f"s3://bucket/prefix/studies/digits, or a study file. Got {given}. {inside}"
    )


def run(
    study: str | Path,
    *,
    overrides: Mapping[str, Any] | Sequence[str] = (),
    store: str | Path | None = None,
    cluster: str = "local",
    engine: Literal["cluster", "inline"] = "cluster",
    loggers: Sequence[str] = (),
    progress: bool = True,
) -> StudyResults:
    """Train, capture, match and report, as ``repsim run`` does; goes on where a run was stopped.

    Parameters
    ----------
    study
        The study file, or the name of a study that ships, such as ``"digits"``.
    overrides
        Values of the study by their keys, as in ``{"training.epochs": 3, "seeds": [0, 1]}``.
    store
        Where everything that is made is kept: a folder or URL; by default ``runs``, or the
        profile's.
    cluster
        Where to run: a profile by name or file, or the address of a cluster.
    engine
        "cluster": Ray trains, Dask matches. "inline": all in this process, for tiny studies.
    loggers
        Trackers of experiments: "tensorboard", "wandb", "mlflow", or ``"package.module:Class"``.
    progress
        Show how far the run is: bars on a terminal, lines elsewhere, as in a notebook.

    Raises
    ------
    StudyError
        When the study is wrong.
    TrainingError
        When something failed. What is finished is kept, and `load_study` gives it.
    ClusterError, StoreError, ActiveRunError
        When Ray, Dask or the store cannot be reached, or another run of the study is active.
    PreemptedError
        After an interrupt: everything finished is kept.

    Examples
    --------
    >>> run("study.toml", overrides={"training.epochs": 3}).networks  # doctest: +SKIP
    """
    with study_extra():
        from workflows.changes import said_before_run
        from workflows.command.where import chosen_profile, store_of
        from workflows.plan import plan_study
        from workflows.run import run_study
        from workflows.shipped import study_path
        from workflows.trackers import tracked, tracker_class

    if engine not in ("cluster", "inline"):
        raise StudyError(unknown_name("engine", engine, ("cluster", "inline")))
    trackers = {name: tracker_class(name) for name in loggers}
    profile = chosen_profile(cluster, None)
    target = Store(store_of(str(store) if store else None, profile))
    plan = plan_study(read_study(study_path(Path(study)), overrides), target)
    with (
        _reported(progress) as shown,
        tracked(shown, plan, target, trackers) as reporter,
        _script_not_imported(),
    ):
        for line in said_before_run(plan, target):
            log.warning(line)
        summary = run_study(plan, target, profile, engine, reporter)
        if summary.report:
            reporter.reported()
    if summary.failures:
        listed = " ".join(f"{label}: {error}" for label, error in summary.failures.items())
        raise TrainingError(
            f"Expected all of the study {plan.study.name!r} to be made. Got "
            f"{count(len(summary.failures), 'failure')}: {listed} What is finished is kept: "
            f"repsim.load_study({f'{target.location}/studies/{plan.study.name}'!r})."
        )
    return _of_store(target, plan.study.name)


@contextmanager
def _reported(progress: bool) -> "Iterator[Reporter]":
    """What shows how far a run is; lines need a handler of the log, if nobody has added one."""
    from workflows.progress import progress as shown
    from workflows.terminal import Terminal

    before = log.level, log.propagate
    handler = logging.StreamHandler() if progress and not log.hasHandlers() else None
    if handler is not None:
        log.addHandler(handler)
        log.setLevel(logging.INFO)
    try:
        with shown(Terminal(stderr=True, force_terminal=None if progress else False)) as reporter:
            yield reporter
    finally:
        if handler is not None:
            log.removeHandler(handler)
            log.setLevel(before[0])


@contextmanager
def _script_not_imported() -> Iterator[None]:
    """Keep processes that Dask spawns from importing the main script, which would run it again.

    They need nothing of it. Otherwise every script would have to say ``if __name__ == "__main__"``.
    """
    main = vars(sys.modules["__main__"])
    before: dict[str, Any] = {name: main[name] for name in ("__file__", "__spec__") if name in main}
    main.pop("__file__", None)
    main["__spec__"] = None
    try:
        yield
    finally:
        main.update(before)


def _of_store(store: Store, name: str) -> StudyResults:
    """The report, if it is of all of the study as it was last run; else what exists."""
    content = store.read(f"studies/{name}/study.toml")
    manifest = read_manifest(store, name)
    if content is None:
        known = unknown_name(f"study in {store.location}", name, _studies(store))
        raise StudyError(
            f"{known} A study of which networks alone were made is loaded by its file: "
            "repsim.load_study('study.toml', store=...)."
        )
    text = content.decode()
    if manifest and not manifest.facts.missing and manifest.facts.study_toml == text:
        return _of_report(store, name, manifest)
    try:
        with study_extra():
            from workflows.plan import plan_study

        plan = plan_study(parse_study(text, where=f"study.toml of {name}"), store)
    except RepsimError as problem:
        if manifest is None:
            raise StudyError(
                f"Expected a report of the study {name!r} in {store.location}, or a study that "
                f"can be planned here. Got no report, and: {problem}"
            ) from problem
        note = f"This is the last report. What exists beyond it is not known here: {problem}"
        return _of_report(store, name, manifest, note)
    return _of_plan(store, plan, manifest)


def _of_report(store: Store, name: str, manifest: ReportManifest, *notes: str) -> StudyResults:
    def content(file: str) -> bytes | None:
        if file not in manifest.files:
            return None
        path = f"{report_folder(name)}/{file}"
        found = store.read(path)
        if found is None or hashlib.sha256(found).hexdigest() != manifest.files[file]:
            raise IntegrityError(
                f"Expected {path} as it was written. Got {'other content' if found else 'nothing'}."
                " Write the report again: repsim report."
            )
        return found

    return StudyResults(
        store=store,
        facts=replace(manifest.facts, missing=[*manifest.facts.missing, *notes]),
        places=manifest.places,
        read=lambda table: read_table(table, content),
    )


def _of_plan(
    store: Store, plan: "StudyPlan", manifest: ReportManifest | None = None
) -> StudyResults:
    from repsim.stages.report import consolidated, report_is_current
    from workflows.state import last_failures

    name = plan.study.name
    if not any(spec.artifact(store).exists() for spec in plan.networks):
        raise StudyError(
            f"Expected results of the study {name!r} in {store.location}. Got no network. Run it "
            "first: repsim run."
        )
    failures = last_failures(store, name)
    manifest = manifest or read_manifest(store, name)
    if manifest is not None and report_is_current(store, plan, failures):
        return _of_report(store, name, manifest)
    found = consolidated(store, plan, failures)
    return StudyResults(
        store=store,
        facts=found.facts,
        places=found.places,
        read=lambda table: getattr(found.tables, table),
    )


def _studies(store: Store) -> list[str]:
    """Names of the studies in a store."""
    paths = store.sizes("studies")
    return sorted({path.split("/")[1] for path in paths if path.endswith("/study.toml")})
