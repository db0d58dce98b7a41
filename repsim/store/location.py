"""A store: named byte strings under one root, by way of obstore."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import obstore
from obstore.store import LocalStore
from zarr.abc.store import Store as ZarrStore
from zarr.storage import ObjectStore

from repsim.errors import StoreError, StudyError

__all__ = ["Store"]


@dataclass(frozen=True)
class Store:
    """Where the artifacts of studies live.

    It is a plain value: a worker on any machine opens the same store from the same location.

    Parameters
    ----------
    location
        A local folder. It comes into being with the first write.
    """

    location: str

    def __post_init__(self) -> None:
        if "://" in self.location:
            raise StudyError(
                f"Expected a local folder as the store. Got {self.location!r}. Object stores are "
                "not supported yet; mount the bucket, or name a folder that every node sees."
            )
        object.__setattr__(self, "location", str(Path(self.location).absolute()))

    def __reduce__(self) -> tuple[type["Store"], tuple[str]]:
        return Store, (self.location,)

    @property
    def root(self) -> Path:
        """The folder."""
        return Path(self.location)

    @cached_property
    def _objects(self) -> LocalStore:
        try:
            return LocalStore(self.location, mkdir=True)
        except Exception as problem:
            raise StoreError(
                f"Expected a folder that can be written. Got {self.location}: {problem}. "
                "Choose another with --store."
            ) from problem

    def read(self, path: str) -> bytes | None:
        """The content at `path`, or None where there is nothing."""
        if not self.root.exists():
            return None
        try:
            return bytes(obstore.get(self._objects, path).bytes())
        except FileNotFoundError:
            return None
        except StoreError:
            raise
        except Exception as problem:
            raise self._failure("read", path, problem) from problem

    def write(self, path: str, content: bytes) -> None:
        """Put `content` at `path`, replacing what was there: all of it, or nothing."""
        try:
            obstore.put(self._objects, path, content)
        except StoreError:
            raise
        except Exception as problem:
            raise self._failure("write", path, problem) from problem

    def create(self, path: str, content: bytes) -> bool:
        """Put `content` at `path` unless something is there; say whether it was put."""
        try:
            obstore.put(self._objects, path, content, mode="create")
        except obstore.exceptions.AlreadyExistsError:
            return False
        except StoreError:
            raise
        except Exception as problem:
            raise self._failure("write", path, problem) from problem
        return True

    def delete(self, path: str) -> None:
        """Remove what is at `path`, if anything is."""
        try:
            obstore.delete(self._objects, path)
        except FileNotFoundError:
            pass
        except StoreError:
            raise
        except Exception as problem:
            raise self._failure("delete", path, problem) from problem

    def sizes(self, prefix: str) -> dict[str, int]:
        """Path and size in bytes of everything below `prefix`, in order of path."""
        if not self.root.exists():
            return {}
        try:
            found: list[Any] = list(obstore.list(self._objects, prefix).collect())
        except StoreError:
            raise
        except Exception as problem:
            raise self._failure("list", prefix, problem) from problem
        return {item["path"]: item["size"] for item in sorted(found, key=lambda it: it["path"])}

    def exists(self, path: str) -> bool:
        """Whether something is at `path`."""
        if not self.root.exists():
            return False
        try:
            obstore.head(self._objects, path)
        except FileNotFoundError:
            return False
        except StoreError:
            raise
        except Exception as problem:
            raise self._failure("look for", path, problem) from problem
        return True

    def zarr(self, prefix: str, *, read_only: bool) -> ZarrStore:
        """A Zarr store of everything below `prefix`."""
        try:
            below = LocalStore(str(self._below(prefix)), mkdir=not read_only)
        except StoreError:
            raise
        except Exception as problem:
            raise self._failure("open", prefix, problem) from problem
        return ObjectStore(below, read_only=read_only)

    def flush(self, prefix: str) -> None:
        """Force what was written below `prefix` to the disk, so that a marker may name it."""
        folder = self._below(prefix)
        for parent, _, files in os.walk(folder):
            for name in [*files, ""]:
                descriptor = os.open(Path(parent) / name, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)

    def _below(self, prefix: str) -> Path:
        """The folder `prefix`, which must not lead out of the store."""
        if ".." in Path(prefix).parts or Path(prefix).is_absolute():
            raise self._failure("open", prefix, ValueError("a path that leads out of it"))
        return self.root / prefix

    def _failure(self, verb: str, path: str, problem: Exception) -> StoreError:
        return StoreError(
            f"Expected to {verb} {path!r} in the store {self.location}. Got: {problem}. "
            "Check that the disk is there, writable and not full; what is finished is kept."
        )
