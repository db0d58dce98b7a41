"""Whether what is in a store is what was written, file by file against what the markers say."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Literal

import obstore

from repsim.errors import IntegrityError
from repsim.store.artifact import Artifact
from repsim.store.checkpoints import Checkpoint
from repsim.store.location import REQUESTS_AT_ONCE, Store
from repsim.store.requests import Request

__all__ = [
    "Checked",
    "Damage",
    "check_artifact",
    "check_checkpoints",
    "check_listed_files",
    "in_parallel",
]

# A file is hashed in pieces of this size: the moments of wide layers are larger than memory allows.
PIECE_BYTES = 8 * 2**20


@dataclass(frozen=True, kw_only=True)
class Damage:
    """A file that is not what was written."""

    path: str
    """Inside the store."""
    problem: str
    """What was expected, and what was got."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a check of one artifact, or of another group of files, found."""

    folder: str
    """Its place in the store: ``kind/key`` of an artifact."""
    condition: Literal["missing", "sound", "damaged"]
    files: int = 0
    bytes: int = 0
    """Of the files that are there."""
    damages: tuple[Damage, ...] = ()


def check_artifact(artifact: Artifact, *, deep: bool) -> Checked:
    """Whether the marker can be read, and every file that it lists is there with its size.

    Parameters
    ----------
    artifact
        May be missing, which is no damage.
    deep
        Also read every file, a piece at a time, and compare its sha256.

    Raises
    ------
    StoreError
        When the store does not answer, or a file may not be read.
    """
    try:
        marker = artifact.find_marker()
    except IntegrityError as error:
        damage = Damage(path=artifact.marker_path, problem=_without_advice(error))
        return _checked(artifact, 0, 0, [damage])
    if marker is None:
        return Checked(folder=artifact.folder, condition="missing")
    there = artifact.store.sizes(f"{artifact.folder}/{marker.attempt}")
    damages, read = [], 0
    for part in marker.parts:
        path = artifact.path(marker, part.name)
        size = there.get(path)
        read += size or 0
        problem = _wrong(artifact.store, path, size, part.bytes, part.sha256 if deep else None)
        if problem is not None:
            damages.append(Damage(path=path, problem=problem))
    return _checked(artifact, len(marker.parts), read, damages)


def _checked(artifact: Artifact, files: int, read: int, damages: list[Damage]) -> Checked:
    if damages and not artifact.exists():  # a run removed it while it was looked at
        return Checked(folder=artifact.folder, condition="missing")
    return Checked(
        folder=artifact.folder,
        condition="damaged" if damages else "sound",
        files=files,
        bytes=read,
        damages=tuple(damages),
    )


def check_checkpoints(store: Store, key: str, *, deep: bool) -> Checked:
    """Whether the checkpoints of a network hold something and, if `deep`, what their names say."""
    folder = f"checkpoints/{key}"
    sizes = store.sizes(folder)
    damages = []
    for path, size in sizes.items():
        checkpoint = Checkpoint.at(path)
        if checkpoint is None:
            continue
        if size == 0:
            damages.append(Damage(path=path, problem="Expected a checkpoint. Got an empty file."))
        elif deep:
            sha256 = _sha256(store, path)
            # Nothing there: training has written newer ones since.
            if sha256 is not None and not sha256.startswith(checkpoint.sha256):
                damages.append(Damage(path=path, problem=_OTHER_BYTES))
    condition: Literal["missing", "sound", "damaged"] = "sound" if sizes else "missing"
    return Checked(
        folder=folder,
        condition="damaged" if damages else condition,
        files=len(sizes),
        bytes=sum(sizes.values()),
        damages=tuple(damages),
    )


def check_listed_files(store: Store, manifest: str, folder: str) -> Checked:
    """Whether the files of `folder` have the sha256 that ``{"files": {name: sha256}}`` lists.

    Parameters
    ----------
    store
        The store.
    manifest
        The path of the list: a JSON file. Without one there is nothing to check.
    folder
        Where the files are. All are read.
    """
    content = store.read(manifest)
    if content is None:
        return Checked(folder=folder, condition="missing")
    try:
        listed = {str(name): str(sha256) for name, sha256 in json.loads(content)["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        damage = Damage(path=manifest, problem=_NO_LIST)
        return Checked(folder=folder, condition="damaged", damages=(damage,))
    sizes = store.sizes(folder)
    damages = []
    for name, sha256 in sorted(listed.items()):
        path = f"{folder}/{name}"
        problem = _wrong(store, path, sizes.get(path), None, sha256)
        if problem is not None:
            damages.append(Damage(path=path, problem=problem))
    return Checked(
        folder=folder,
        condition="damaged" if damages else "sound",
        files=len(listed),
        bytes=sum(sizes.values()),
        damages=tuple(damages),
    )


def in_parallel(store: Store, checks: Iterable[Callable[[], Checked]]) -> Iterator[Checked]:
    """The outcome of each check, as they end. A bucket is asked many things at once."""
    workers = (os.cpu_count() or 1) if store.is_local else REQUESTS_AT_ONCE
    pool = ThreadPoolExecutor(workers)
    try:
        for ended in as_completed([pool.submit(check) for check in checks]):
            yield ended.result()
    finally:
        # After an error or Ctrl-C those that have not begun are of no use.
        pool.shutdown(cancel_futures=True)


_NO_LIST = "Expected a list of files with their sha256. Got something that cannot be read."
_OTHER_BYTES = "Expected the content as it was written. Got other bytes (sha256 differs)."


def _wrong(
    store: Store, path: str, size: int | None, expected_size: int | None, sha256: str | None
) -> str | None:
    """What is wrong with a file, or None. What is given as None is not looked at."""
    if size is None:
        return "Expected a file. Got nothing."
    if expected_size is not None and size != expected_size:
        return f"Expected {expected_size} bytes. Got {size}."
    if sha256 is not None and _sha256(store, path) != sha256:
        return _OTHER_BYTES
    return None


def _sha256(store: Store, path: str) -> str | None:
    """The digest of a file, read a piece at a time; None where it is gone."""

    def hashed() -> str | None:
        sha256 = hashlib.sha256()
        try:
            for piece in obstore.get(store.objects, path).stream(min_chunk_size=PIECE_BYTES):
                sha256.update(piece)
        except FileNotFoundError:
            return None
        return sha256.hexdigest()

    return Request(location=store.location, verb="read", path=path).run(hashed)


def _without_advice(error: IntegrityError) -> str:
    """What was expected and got: the reader of a whole list gets the advice once."""
    return str(error).removesuffix(" A run removes it and makes it again.")
