"""What no study refers to any more, and how it is removed.

Every run writes what its study refers to beside the report, ``studies/<name>/keys.json``, before it
makes anything. A study is what was run last under its name; a study whose folder is deleted refers
to nothing.
"""

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from repsim.errors import ActiveRunError, IntegrityError
from repsim.stages import kinds
from repsim.store import Artifact, Store, published, run_lock
from workflows.references import References, read_references
from workflows.stored_files import (
    StoredFile,
    remove_empty_folders,
    remove_files,
    stored_files,
)

__all__ = ["Garbage", "find_garbage", "remove_garbage"]

# What was never published is left alone until it has this age: a worker that outlived its run may
# still be writing it.
DAY = timedelta(days=1)

KEY = re.compile("[0-9a-f]{64}")
ATTEMPT = re.compile("[0-9a-f]{16}")
LOCK = "run.lock"


def _studies(store: Store) -> dict[str, bool]:
    """Every folder of a study, and whether there is more in it than a lock.

    A run writes more before it makes anything.
    """
    studies: dict[str, bool] = {}
    if store.is_local:
        folder = store.root / "studies"
        for place in (folder, *sorted(folder.glob("*"))):
            # What it leads to is not listed, and may be a study.
            if place.is_symlink():
                raise IntegrityError(
                    f"Expected a folder at {place.relative_to(store.root)} in the store "
                    f"{store.location}. Got a link. Nothing is removed. Put the folder in its "
                    "place, or delete the link."
                )
    for path in store.sizes("studies"):
        _, study, *rest = path.split("/")
        studies[study] = studies.get(study, False) or rest[-1:] != [LOCK]
    return studies


def _lock_names(store: Store) -> set[str]:
    """What a run or job may hold: the name of each study, and the jobs below it that ever began."""
    names = set(_studies(store))
    locks = [path for path in store.sizes("studies") if path.endswith(f"/{LOCK}")]
    return names | {path.removeprefix("studies/").removesuffix(f"/{LOCK}") for path in locks}


@dataclass(frozen=True, kw_only=True)
class Garbage:
    """Files that can go, all of one artifact, attempt or folder of checkpoints."""

    kind: str
    key: str
    why: str
    files: tuple[StoredFile, ...]

    @property
    def bytes(self) -> int:
        """Their size."""
        return sum(file.bytes for file in self.files)

    @property
    def modified(self) -> datetime:
        """When the newest of them was written."""
        return max(file.modified for file in self.files)


def find_garbage(store: Store, *, older_than: timedelta = DAY) -> list[Garbage]:
    """What no study refers to, and what was left behind on the way. Nothing is removed.

    Parameters
    ----------
    store
        The store.
    older_than
        Age from which on unpublished attempts count, and checkpoints that no study refers to.

    Raises
    ------
    IntegrityError
        When it cannot be known what a study refers to.
    """
    references = [
        read_references(store, study) for study, begun in _studies(store).items() if begun
    ]
    latest = datetime.now(UTC) - older_than
    found: list[Garbage] = []
    parts = _parts_in_use(store, references)
    for kind in sorted(kinds()):
        used = {key for one in references for key in one.keys.get(kind, ())}
        by_key: dict[str, list[StoredFile]] = {}
        for file in stored_files(store, kind):
            by_key.setdefault(file.path.split("/")[1], []).append(file)
        pick = _of_checkpoints if kind == "checkpoints" else _of_artifact
        for key, files in sorted(by_key.items()):
            if KEY.fullmatch(key):
                of_use = key in used or f"{kind}/{key}" in parts
                found += pick(Artifact(store, kind, key), files, of_use, latest)
    staged = [file for file in stored_files(store, "studies") if file.is_staged]
    return [*found, *_unfinished("studies", "", staged, latest)]


def remove_garbage(store: Store, *, older_than: timedelta = DAY) -> list[Garbage]:
    """Remove what `find_garbage` finds, with the locks of all studies and jobs held; return it.

    In a folder, empty folders of that age go as well.

    Should a run of a new study begin at this moment and lose what it had found, it makes that
    again: files are removed one by one as they were listed, never those of a newer attempt.

    Raises
    ------
    ActiveRunError
        When a study is being run. Nothing was removed.
    IntegrityError
        As `find_garbage`.
    StoreError
        When something cannot be removed.
    """
    names = _lock_names(store)
    with contextlib.ExitStack() as locks:
        for name in sorted(names):
            try:
                locks.enter_context(run_lock(store, name))
            except ActiveRunError as problem:
                raise ActiveRunError(f"{problem} Nothing was removed.") from None
        garbage = find_garbage(store, older_than=older_than)
        begun = sorted(_lock_names(store) - names)
        if begun:
            raise ActiveRunError(
                f"Expected no run to begin. Got one of the study {begun[0]!r}. Nothing was "
                "removed. Wait for it to end and try again."
            )
        for item in garbage:
            remove_files(store, item.files)
        remove_empty_folders(store, kinds(), datetime.now(UTC) - older_than)
    return garbage


def _parts_in_use(store: Store, references: Iterable[References]) -> set[str]:
    """Parts of which a whole is not there yet, as ``kind/key``."""
    parts = [item for one in references for item in one.parts.items()]
    there = published(store, {whole for whole, _ in parts})
    return {folder for whole, folders in parts if whole not in there for folder in folders}


def _of_artifact(
    artifact: Artifact, files: Sequence[StoredFile], used: bool, latest: datetime
) -> Iterator[Garbage]:
    attempts: dict[str, list[StoredFile]] = {}
    marker = [file for file in files if file.path == artifact.marker_path]
    for file in files:
        attempt = file.path.split("/")[2]
        if ATTEMPT.fullmatch(attempt) or file.is_staged:
            attempts.setdefault(attempt, []).append(file)
    published = ""
    if marker:
        try:
            published = artifact.marker().attempt
        except IntegrityError:
            # Which attempt counts is not known: `verify` names it, and a run makes it again.
            if used:
                return
    kind, key = artifact.kind, artifact.key
    if marker and not used:
        gone = [*marker, *attempts.pop(published, [])]
        yield Garbage(kind=kind, key=key, why="no study refers to it", files=tuple(gone))
    for attempt, left in attempts.items():
        if attempt != published:
            yield from _unfinished(kind, key, left, latest)


def _of_checkpoints(
    artifact: Artifact, files: Sequence[StoredFile], used: bool, latest: datetime
) -> Iterator[Garbage]:
    kind, key = artifact.kind, artifact.key
    staged = [file for file in files if file.is_staged]
    whole = [file for file in files if not file.is_staged]
    yield from _unfinished(kind, key, staged, latest)
    if not whole:
        return
    garbage = Garbage(kind=kind, key=key, why="its network is trained", files=tuple(whole))
    if Artifact(artifact.store, "networks", key).exists():
        yield garbage
    elif not used and garbage.modified <= latest:
        yield Garbage(kind=kind, key=key, why="no study refers to it", files=tuple(whole))


def _unfinished(
    kind: str, key: str, files: Sequence[StoredFile], latest: datetime
) -> Iterator[Garbage]:
    if not files:
        return
    garbage = Garbage(kind=kind, key=key, why="was never finished", files=tuple(files))
    if garbage.modified <= latest:
        yield garbage
