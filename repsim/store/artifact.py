"""Artifacts: immutable results under a key, published by one small marker that is written last.

    <kind>/<key>/marker.json          names the attempt, its files, their sizes and sha256
    <kind>/<key>/<attempt>/...        the files

Every writer works in an attempt folder of its own, so that two of them never touch the same file,
however often a task is started. The first marker wins; the folders of the others are garbage.
"""

import hashlib
import io
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from repsim.errors import IntegrityError, StoreError
from repsim.store.location import Store
from repsim.study.digest import canonical_json, digest

__all__ = [
    "Artifact",
    "Draft",
    "Marker",
    "Part",
    "artifact_folder",
    "artifact_key",
    "conditions",
    "markers",
    "published",
]

Condition = Literal["missing", "sound", "damaged"]

# Rises when files or markers of this layout can no longer be read by this code.
SCHEMA_VERSION = 1


def artifact_key(kind: str, version: int, parameters: Mapping[str, Any]) -> str:
    """The key of a result: a digest of everything that determines it.

    Parameters
    ----------
    kind
        ``networks``, ``activations``, ``moments``, ...
    version
        Version of the stage: it rises when the stage would compute something else.
    parameters
        What the stage was asked, keys of its inputs included. No paths, no resources.
    """
    return digest(
        {"kind": kind, "schema": SCHEMA_VERSION, "version": version, "parameters": parameters}
    )


def artifact_folder(kind: str, version: int, parameters: Mapping[str, Any]) -> str:
    """``kind/key``, where a result is in a store; arguments as `artifact_key` has them."""
    return f"{kind}/{artifact_key(kind, version, parameters)}"


class Part(BaseModel):
    """One file of an artifact."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str
    bytes: int
    sha256: str


class Marker(BaseModel):
    """What stands in ``marker.json``: the artifact is there when this is."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: str
    key: str
    attempt: str = Field(pattern="^[0-9a-f]{16}$")
    parts: list[Part]
    facts: dict[str, Any]
    checksum: str = ""

    def expected_checksum(self) -> str:
        """Digest of everything else in the marker: a flipped bit in it does not go unseen."""
        return digest(self.model_dump(exclude={"checksum"}))


@dataclass(frozen=True)
class Artifact:
    """A result in a store, there or not."""

    store: Store
    kind: str
    key: str

    @classmethod
    def at(cls, store: Store, folder: str) -> "Artifact":
        """The artifact in this folder, ``kind/key``."""
        kind, _, key = folder.partition("/")
        return cls(store, kind, key)

    @property
    def folder(self) -> str:
        """Its place in the store."""
        return f"{self.kind}/{self.key}"

    @property
    def marker_path(self) -> str:
        """Where its marker is."""
        return f"{self.folder}/marker.json"

    def exists(self) -> bool:
        """Whether it has been published."""
        return self.store.exists(self.marker_path)

    def marker(self) -> Marker:
        """Its marker.

        Raises
        ------
        IntegrityError
            Where there is none, or one that cannot be read.
        """
        marker = self.find_marker()
        if marker is None:
            raise self.damaged("no marker: it was never finished")
        return marker

    def find_marker(self) -> Marker | None:
        """Its marker, or None where it was never published: one request.

        Raises
        ------
        IntegrityError
            Where there is one that cannot be read.
        """
        content = self.store.read(self.marker_path)
        if content is None:
            if self.store.is_folder(self.marker_path):
                raise self.damaged("a folder in place of its marker")
            return None
        try:
            marker = Marker.model_validate_json(content)
        except ValidationError as problem:
            raise self.damaged(
                f"a marker that cannot be read ({problem.error_count()} problems)"
            ) from None
        if marker.checksum != marker.expected_checksum():
            raise self.damaged("a marker that was changed (its checksum differs)")
        if (marker.kind, marker.key) != (self.kind, self.key):
            raise self.damaged(f"the marker of {marker.kind}/{marker.key}")
        return marker

    def damaged(self, what: str) -> IntegrityError:
        """The error that names this artifact, to be raised."""
        return IntegrityError(
            f"Expected {self.folder} in the store {self.store.location} as it was written. Got "
            f"{what}. A run removes it and makes it again.",
            artifact=self.folder,
        )

    def path(self, marker: Marker, name: str) -> str:
        """Where a file of the published attempt is."""
        return f"{self.folder}/{marker.attempt}/{name}"

    def read(self, name: str, marker: Marker | None = None) -> bytes:
        """A file of the artifact, checked against the marker, which is read unless given.

        Raises
        ------
        IntegrityError
            When it is missing or not what the marker says.
        """
        marker = marker or self.marker()
        parts = {part.name: part for part in marker.parts}
        path = self.path(marker, name)
        content = self.store.read(path)
        if content is None or name not in parts:
            raise self.damaged(f"nothing at {path}")
        if hashlib.sha256(content).hexdigest() != parts[name].sha256:
            raise self.damaged(f"other bytes at {path} (sha256 differs)")
        return content

    def read_arrays(
        self,
        name: str,
        marker: Marker | None = None,
        *,
        shapes: Mapping[str, tuple[int, ...]] | None = None,
    ) -> dict[str, np.ndarray]:
        """The arrays of an ``.npz`` file of the artifact.

        Parameters
        ----------
        name
            Of the file.
        marker
            Its marker, which is read unless given.
        shapes
            Arrays of numbers that must be among them, with their shapes.

        Raises
        ------
        IntegrityError
            When it is missing, not what the marker says, no such file, or lacks one of `shapes`.
        """
        content = self.read(name, marker)
        with self.as_expected(name), np.load(io.BytesIO(content), allow_pickle=False) as stored:
            arrays = dict(stored)
        for array, shape in (shapes or {}).items():
            found = arrays.get(array)
            if found is None or found.shape != shape or found.dtype.kind not in "fiub":
                got = "nothing" if found is None else f"{found.dtype} of shape {found.shape}"
                raise self.damaged(f"{got} as the array {array!r} of shape {shape} in {name}")
        return arrays

    def read_json(self, name: str, form: TypeAdapter[Any], marker: Marker | None = None) -> Any:
        """The content of a ``.json`` file of the artifact, as plain lists, dictionaries and values.

        Raises
        ------
        IntegrityError
            When it is missing, not what the marker says, or not of that form.
        """
        content = self.read(name, marker)
        try:
            form.validate_json(content)
        except ValidationError as problem:
            first = problem.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"])) or "the whole"
            raise self.damaged(f"other content in {name} ({place}: {first['msg']})") from None
        return json.loads(content)

    @contextmanager
    def as_expected(self, name: str) -> Iterator[None]:
        """Name this artifact where taking apart the file `name` of it fails, for whatever reason.

        Its bytes are what the marker says: somebody has signed something else.
        """
        try:
            yield
        except (IntegrityError, StoreError, MemoryError):
            raise
        except Exception as problem:
            said = str(problem).partition("\n")[0].rstrip(".:") or type(problem).__name__
            raise self.damaged(f"other content in {name} ({said})") from problem

    def condition(self) -> Condition:
        """What its marker says: not there, there, or there and not to be trusted."""
        try:
            return "missing" if self.find_marker() is None else "sound"
        except IntegrityError:
            return "damaged"

    def discard(self) -> None:
        """Remove it: first the marker, so that nobody sees half of it."""
        self.store.delete(self.marker_path)
        self.store.clear(self.folder)

    def draft(self) -> "Draft":
        """A new attempt at this artifact, in a folder of its own."""
        return Draft(artifact=self, attempt=secrets.token_hex(8))


def published(store: Store, folders: Iterable[str]) -> set[str]:
    """Those of `folders`, each ``kind/key``, that hold a published artifact; asked for at once."""
    paths = {Artifact.at(store, folder).marker_path: folder for folder in folders}
    there = zip(paths.values(), store.of_each(store.exists, paths), strict=True)
    return {folder for folder, exists in there if exists}


def conditions(store: Store, folders: Iterable[str]) -> dict[Condition, set[str]]:
    """The `folders`, each ``kind/key``, by the condition of their artifacts; asked for at once."""
    found: dict[Condition, set[str]] = {"missing": set(), "sound": set(), "damaged": set()}
    artifacts = [Artifact.at(store, folder) for folder in folders]
    for artifact, one in zip(artifacts, store.of_each(Artifact.condition, artifacts), strict=True):
        found[one].add(artifact.folder)
    return found


def markers(store: Store, folders: Iterable[str]) -> list[Marker]:
    """The markers in `folders`, each ``kind/key``, that can be read; asked for at once."""

    def sound(folder: str) -> Marker | None:
        try:
            return Artifact.at(store, folder).find_marker()
        except IntegrityError:
            return None

    return [marker for marker in store.of_each(sound, folders) if marker is not None]


@dataclass
class Draft:
    """An attempt at an artifact that nobody sees before it is published."""

    artifact: Artifact
    attempt: str
    parts: dict[str, Part] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Where its files are."""
        return f"{self.artifact.folder}/{self.attempt}"

    def note(self, name: str, content: bytes | bytearray | memoryview) -> None:
        """Record a file that was written below `folder` by other means."""
        sha256 = hashlib.sha256(content).hexdigest()
        self.parts[name] = Part(name=name, bytes=len(content), sha256=sha256)

    def write(self, name: str, content: bytes) -> None:
        """Write a file."""
        self.artifact.store.write(f"{self.folder}/{name}", content)
        self.note(name, content)

    def write_arrays(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Write arrays as an uncompressed ``.npz`` file."""
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **dict(arrays))
        self.write(name, buffer.getvalue())

    def publish(self, facts: Mapping[str, Any] | None = None, *, lasting: bool = True) -> Marker:
        """Publish the attempt, unless another was first; return the marker that counts.

        What is not `lasting` is not forced to the disk: it is removed soon. Should the machine fail
        before, its files may be cut short; they are then found damaged, and made again.
        """
        artifact, store = self.artifact, self.artifact.store
        if self.parts and lasting:
            store.flush(self.folder)
        marker = Marker(
            kind=artifact.kind,
            key=artifact.key,
            attempt=self.attempt,
            parts=[self.parts[name] for name in sorted(self.parts)],
            facts=dict(facts or {}),
        )
        marker = marker.model_copy(update={"checksum": marker.expected_checksum()})
        content = canonical_json(marker.model_dump()).encode()
        if store.create(artifact.marker_path, content):
            if lasting:
                store.flush(artifact.marker_path)
            return marker
        return artifact.marker()
