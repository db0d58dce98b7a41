"""repsim verify"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal
from rich.progress import Progress

from repsim.errors import IntegrityError
from workflows.command.output import (
    JsonOption,
    Overrides,
    StoreOption,
    StudyFile,
    columns,
    console,
    errors,
    say,
    say_json,
)

if TYPE_CHECKING:
    from repsim.stages.plan import StudyPlan
    from repsim.store import Store
    from repsim.store.verification import Checked

__all__ = ["verify"]

# What not every study has, or only for a while: that it is missing says nothing.
OPTIONAL = ("checkpoints",)
CONDITIONS = ("sound", "damaged", "missing")

ADVICE = {
    "checkpoints": "Training goes on from the checkpoint before it, or begins again.",
    "studies": "The next run writes it again.",
}
ADVICE_ARTIFACT = (
    "A run that needs it removes it and makes it again; `repsim verify --remove` removes it now."
)


def verify(
    study_file: StudyFile,
    store: StoreOption = "runs",
    overrides: Overrides = None,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Also read every file and compare its sha256 with the marker."),
    ] = False,
    remove: Annotated[
        bool,
        typer.Option(
            "--remove",
            help="Remove what is damaged, so that the next run makes it again. Not while one is "
            "active.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check that everything of a study is as it was written: markers, files, sizes, report.

    Lists what is damaged with its path inside the store, what is wrong, and what to do. What is
    missing is no damage: see `repsim status`. Exit code 0 when all is sound, 5 when not, also
    where --remove has removed it.
    """
    from repsim.store import Store, run_lock
    from repsim.store.verification import in_parallel
    from repsim.study import load_study
    from workflows.plan import plan_study

    target = Store(store)
    planned = plan_study(load_study(study_file, overrides or ()), target)
    needed, optional = _checks(planned, target, deep=deep)
    with _bar(len(needed) + len(optional)) as advance:
        found = [advance(one) for one in in_parallel(target, needed)]
        also = [advance(one) for one in in_parallel(target, optional)]
    found += [one for one in also if one.condition != "missing"]
    found.sort(key=lambda one: one.folder)
    damaged = [one for one in found if one.damages]
    removed = []
    if remove and damaged:
        with run_lock(target, planned.study.name):
            removed = [one.folder for one in damaged if _remove(target, one)]
    show = _show_json if as_json else _show
    show(planned, target, found, deep=deep, removed=removed)
    raise typer.Exit(5 if damaged else 0)


def _checks(
    planned: "StudyPlan", store: "Store", *, deep: bool
) -> "tuple[list[Callable[[], Checked]], list[Callable[[], Checked]]]":
    """Of what a complete study has, and of what it may have besides."""
    from repsim.store import Artifact
    from repsim.store.verification import check_artifact, check_checkpoints, check_listed_files
    from workflows.references import referenced_keys

    def of_artifacts(kind: str, keys: Sequence[str]) -> "list[Callable[[], Checked]]":
        return [partial(check_artifact, Artifact(store, kind, key), deep=deep) for key in keys]

    references = referenced_keys(planned)
    name, keys = planned.study.name, references.keys
    needed = [
        check for kind in keys if kind not in OPTIONAL for check in of_artifacts(kind, keys[kind])
    ]
    needed += [
        partial(check_listed_files, store, f"studies/{name}/report.json", f"studies/{name}/report"),
        partial(_check_references, store, name),
    ]
    optional: list[Callable[[], Checked]] = []
    optional += [partial(check_checkpoints, store, key, deep=deep) for key in keys["checkpoints"]]
    for folder in sorted({part for parts in references.parts.values() for part in parts}):
        kind, _, key = folder.partition("/")
        optional += of_artifacts(kind, [key])
    return needed, optional


def _check_references(store: "Store", study: str) -> "Checked":
    """Whether what the study refers to, which `repsim gc` goes by, can be read."""
    from repsim.store.verification import Checked, Damage
    from workflows.references import read_references, references_path

    path = references_path(study)
    if not store.exists(path):
        return Checked(folder=path, condition="missing")
    try:
        read_references(store, study)
    except IntegrityError:
        problem = "Expected what the study refers to. Got something that cannot be read."
        damages = (Damage(path=path, problem=problem),)
        return Checked(folder=path, condition="damaged", files=1, damages=damages)
    return Checked(folder=path, condition="sound", files=1)


@contextmanager
def _bar(total: int) -> "Iterator[Callable[[Checked], Checked]]":
    """Counts what has been checked, on a terminal."""
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bars:
        task = bars.add_task("verifying", total=total)

        def advance(one: "Checked") -> "Checked":
            bars.advance(task)
            return one

        yield advance


def _remove(store: "Store", one: "Checked") -> bool:
    """Remove an artifact, or the damaged ones of its checkpoints; a report is written anew."""
    from repsim.store import Artifact

    kind, _, key = one.folder.partition("/")
    if kind == "studies":
        return False
    if kind == "checkpoints":
        for damage in one.damages:
            store.delete(damage.path)
    else:
        Artifact(store, kind, key).discard()
    return True


def _show(
    planned: "StudyPlan",
    store: "Store",
    found: "Sequence[Checked]",
    *,
    deep: bool,
    removed: Sequence[str],
) -> None:
    table = columns("kind", "sound", "damaged", "missing", "files", "size")
    for kind, group in _by_kind(found).items():
        counts = [sum(one.condition == what for one in group) for what in CONDITIONS]
        files, size = sum(one.files for one in group), sum(one.bytes for one in group)
        table.add_row(kind, *map(str, counts), str(files), decimal(size))
    console.print(table)
    for one in found:
        kind = one.folder.split("/")[0]
        for damage in one.damages:
            advice = ADVICE.get(kind, ADVICE_ARTIFACT)
            if one.folder in removed:
                advice = "It is removed: a run that needs it makes it again."
            say(f"Damaged: {damage.path}: {damage.problem} {advice}")
    if any(one.damages for one in found):
        return
    how = "content of every file" if deep else "size of every file; --deep reads them"
    say(f"{planned.study.name} in {store.location}: what is there is as it was written ({how}).")


def _by_kind(found: "Sequence[Checked]") -> "dict[str, list[Checked]]":
    kinds: dict[str, list[Checked]] = {}
    for one in found:
        kind = one.folder.split("/")[0].replace("studies", "study folder")
        kinds.setdefault(kind, []).append(one)
    return kinds


def _show_json(
    planned: "StudyPlan",
    store: "Store",
    found: "Sequence[Checked]",
    *,
    deep: bool,
    removed: Sequence[str],
) -> None:
    say_json(
        {
            "study": planned.study.name,
            "store": store.location,
            "deep": deep,
            "kinds": {
                kind: {what: sum(one.condition == what for one in group) for what in CONDITIONS}
                for kind, group in _by_kind(found).items()
            },
            "files": sum(one.files for one in found),
            "bytes": sum(one.bytes for one in found),
            "damaged": [
                {"artifact": one.folder, "path": damage.path, "problem": damage.problem}
                for one in found
                for damage in one.damages
            ],
            "removed": list(removed),
        }
    )
