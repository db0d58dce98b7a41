"""Files of a store with their age, also those that obstore hides, and how they are removed."""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import obstore

from repsim.store import Store
from repsim.store.requests import Request

__all__ = ["StoredFile", "remove_empty_folders", "remove_files", "stored_files"]

# What obstore leaves beside a local file when the process that writes it is killed.
STAGED = re.compile(r".+#\d+")


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """A file in a store."""

    path: str
    bytes: int
    modified: datetime

    @property
    def is_staged(self) -> bool:
        """Whether it is what a killed writer left of a file."""
        return STAGED.fullmatch(self.path.rsplit("/", 1)[1]) is not None


def stored_files(store: Store, kind: str) -> list[StoredFile]:
    """Everything below `kind`, in order of path. In a folder, links are not followed."""

    def listed() -> list[StoredFile]:
        if store.is_local:
            return list(_local_files(store.root, kind))
        return [
            StoredFile(path=item["path"], bytes=item["size"], modified=item["last_modified"])
            for item in obstore.list(store.objects, kind).collect()
        ]

    found = Request(location=store.location, verb="list", path=kind).run(listed)
    return sorted(found, key=lambda file: file.path)


def remove_files(store: Store, files: Sequence[StoredFile]) -> None:
    """The first, a marker perhaps, before the others: nobody sees half an artifact."""
    first, *others = [file.path for file in files]
    if store.is_local:
        for path in (first, *others):
            request = Request(location=store.location, verb="remove", path=path)
            request.run(partial(_remove_local, store.root, path))
        return
    store.delete(first)
    store.of_each(store.delete, others)


def remove_empty_folders(store: Store, kinds: Iterable[str], latest: datetime) -> None:
    """In a folder: those below `kinds` in which nothing was written since `latest`, nor is."""
    if not store.is_local:
        return
    found = [
        (folder, folder.lstat().st_mtime)
        for kind in kinds
        for parent, names, _ in os.walk(store.root / kind)
        for folder in (Path(parent, name) for name in names)
    ]
    for folder, modified in reversed(found):
        if modified <= latest.timestamp():
            # Not empty, a link, or gone.
            with contextlib.suppress(OSError):
                folder.rmdir()


def _local_files(root: Path, kind: str) -> Iterator[StoredFile]:
    """With those that obstore does not list: what a killed writer left of a file."""
    if (root / kind).is_symlink():
        return
    for parent, _, names in os.walk(root / kind):
        for name in names:
            path = Path(parent, name)
            with contextlib.suppress(FileNotFoundError):  # a run has removed it
                status = path.lstat()
                yield StoredFile(
                    path=path.relative_to(root).as_posix(),
                    bytes=status.st_size,
                    modified=datetime.fromtimestamp(status.st_mtime, UTC),
                )


def _remove_local(root: Path, path: str) -> None:
    (root / path).unlink(missing_ok=True)
    _remove_empty(root, (root / path).parent)


def _remove_empty(root: Path, folder: Path) -> None:
    """Remove the folder, and those above it, as far as nothing is in them."""
    while folder.parent != root and folder.is_relative_to(root):
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
