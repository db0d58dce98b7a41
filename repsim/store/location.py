"""A store: named byte strings under one root, by way of obstore."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import obstore
from obstore.store import LocalStore, ObjectStore
from zarr.abc.store import Store as ZarrStore
from zarr.storage import ObjectStore as ZarrObjectStore

from repsim.errors import IntegrityError, StoreError
from repsim.store.buckets import check_url, open_url

__all__ = ["Store"]

Result = TypeVar("Result")

# How many objects of a bucket are asked for at once: each answer takes a round trip.
REQUESTS_AT_ONCE = 32


@dataclass(frozen=True)
class Store:
    """Where the artifacts of studies live.

    It is a plain value: a worker on any machine opens the same store from the same location.

    Parameters
    ----------
    location
        A local folder, which comes into being with the first write, or ``s3://bucket/prefix``,
        ``gs://bucket/prefix``, ``az://container/prefix``. Credentials come from the environment.

    Raises
    ------
    StudyError
        When the location is a URL of another kind.
    """

    location: str

    def __post_init__(self) -> None:
        local = "://" not in self.location
        location = str(Path(self.location).absolute()) if local else check_url(self.location)
        object.__setattr__(self, "location", location)

    def __reduce__(self) -> tuple[type["Store"], tuple[str]]:
        return Store, (self.location,)

    @property
    def is_local(self) -> bool:
        """Whether it is a folder."""
        return "://" not in self.location

    @property
    def root(self) -> Path:
        """The folder of a local store."""
        return Path(self.location)

    @cached_property
    def objects(self) -> ObjectStore:
        """The store as obstore sees it."""
        if not self.is_local:
            return open_url(self.location)
        try:
            return LocalStore(self.location, mkdir=True)
        except Exception as problem:
            raise StoreError(
                f"Expected a folder that can be written. Got {self.location}: {problem}. "
                "Choose another with --store."
            ) from problem

    def read(self, path: str) -> bytes | None:
        """The content at `path`, or None where there is nothing."""
        self._stay_inside(path)
        return self._ask("read", path, lambda: bytes(obstore.get(self.objects, path).bytes()))

    def write(self, path: str, content: bytes) -> None:
        """Put `content` at `path`, replacing what was there: all of it, or nothing."""
        self._do("write", path, lambda: obstore.put(self.objects, path, content))

    def create(self, path: str, content: bytes) -> bool:
        """Put `content` at `path` unless something is there; say whether it was put."""

        def put() -> bool:
            try:
                obstore.put(self.objects, path, content, mode="create")
            except obstore.exceptions.AlreadyExistsError:
                return False
            return True

        return self._do("write", path, put)

    def delete(self, path: str) -> None:
        """Remove what is at `path`, if anything is."""
        self._ask("delete", path, lambda: obstore.delete(self.objects, path))

    def sizes(self, prefix: str) -> dict[str, int]:
        """Path and size in bytes of everything below `prefix`, in order of path."""
        found: list[Any] | None = self._ask(
            "list", prefix, lambda: list(obstore.list(self.objects, prefix).collect())
        )
        return {item["path"]: item["size"] for item in sorted(found or [], key=_path_of)}

    def exists(self, path: str) -> bool:
        """Whether something is at `path`."""
        return self._ask("look for", path, lambda: obstore.head(self.objects, path)) is not None

    def existing(self, paths: Iterable[str]) -> set[str]:
        """Those of `paths` at which something is; many at once in a bucket."""
        asked = list(paths)
        if self.is_local:
            return {path for path in asked if self.exists(path)}
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            answers = pool.map(self.exists, asked)
            return {path for path, there in zip(asked, answers, strict=True) if there}

    def zarr(self, prefix: str, *, read_only: bool) -> ZarrStore:
        """A Zarr store of everything below `prefix`."""
        self._stay_inside(prefix)

        def open_below() -> ObjectStore:
            if self.is_local:
                return LocalStore(str(self.root / prefix), mkdir=not read_only)
            return open_url(f"{self.location}/{prefix}")

        return ZarrObjectStore(self._do("open", prefix, open_below), read_only=read_only)

    def flush(self, prefix: str) -> None:
        """Force what was written below `prefix` to the disk, so that a marker may name it.

        An object store has it when it has answered.
        """
        if not self.is_local:
            return
        self._stay_inside(prefix)
        for parent, _, files in os.walk(self.root / prefix):
            for name in [*files, ""]:
                descriptor = os.open(Path(parent) / name, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)

    def _stay_inside(self, path: str) -> None:
        """Refuse a path that leads out of a folder, by its parts or by a link in it."""
        inside = ".." not in Path(path).parts and not Path(path).is_absolute()
        if inside and self.is_local:
            inside = (self.root / path).resolve().is_relative_to(self.root.resolve())
        if not inside:
            raise IntegrityError(
                f"Expected a path inside the store {self.location}. Got {path!r}, which leads out "
                "of it. Somebody changed the store: remove what is there and run again."
            )

    def _ask(self, verb: str, path: str, question: Callable[[], Result]) -> Result | None:
        """The answer, or None where nothing is there. Asking does not make the folder."""
        if self.is_local and not self.root.exists():
            return None
        try:
            return self._do(verb, path, question)
        except FileNotFoundError:
            return None

    def _do(self, verb: str, path: str, action: Callable[[], Result]) -> Result:
        try:
            return action()
        except (StoreError, FileNotFoundError):
            raise
        except Exception as problem:
            advice = (
                "Check that the disk is there, writable and not full"
                if self.is_local
                else "Check the bucket, the credentials and the network"
            )
            raise StoreError(
                f"Expected to {verb} {path!r} in the store {self.location}. Got: {problem}. "
                f"{advice}; what is finished is kept."
            ) from problem


def _path_of(item: Any) -> str:
    return str(item["path"])
