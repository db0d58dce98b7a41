"""A store: named byte strings under one root, by way of obstore."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
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
from repsim.regular_files import never_a_file
from repsim.store.buckets import check_url, open_url
from repsim.store.requests import Request
from repsim.store.traffic import note_read, note_written
from repsim.store.zarr_store import StoreForZarr

__all__ = ["REQUESTS_AT_ONCE", "Seen", "Store"]

Item = TypeVar("Item")
Result = TypeVar("Result")

# How many objects of a bucket are asked for at once: each answer takes a round trip.
REQUESTS_AT_ONCE = 32
REFUSED = (obstore.exceptions.AlreadyExistsError, obstore.exceptions.PreconditionError)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was read from a bucket, and of which version it is."""

    content: bytes
    version: Any


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
        content = self.view(path)
        return None if content is None else bytes(content)

    def view(self, path: str) -> memoryview | None:
        """As `read`, in the memory it was read into: a copy of a large file takes time."""
        return self._fetched(path, lambda: obstore.get(self.objects, path).bytes())

    def part(self, path: str, start: int, stop: int) -> memoryview | None:
        """Bytes `start` to `stop` of what is at `path`, or None where there is nothing."""
        return self._fetched(
            path, lambda: obstore.get_range(self.objects, path, start=start, end=stop)
        )

    def _fetched(self, path: str, fetch: Callable[[], obstore.Bytes]) -> memoryview | None:
        self._refuse_to_wait(path)
        content = self._ask("read", path, lambda: memoryview(fetch()))
        if content is not None:
            note_read(len(content))
        return content

    def size(self, path: str) -> int | None:
        """Bytes of what is at `path`, or None where there is nothing."""
        self._refuse_to_wait(path)
        found = self._ask("look for", path, lambda: obstore.head(self.objects, path))
        return None if found is None else found["size"]

    def write(self, path: str, content: bytes) -> None:
        """Put `content` at `path`, replacing what was there: all of it, or nothing."""
        self._remove_folder(path)
        self._do("write", path, lambda: obstore.put(self.objects, path, content))
        note_written(len(content))

    def create(self, path: str, content: bytes) -> bool:
        """Put `content` at `path` unless something else is there; say whether it is there now.

        A request whose answer was lost is made again, and then finds what the first one put:
        content that holds a token of its writer says for certain who was first.
        """
        return self._put_if(path, content, "create", REFUSED)

    def look(self, path: str) -> Seen | None:
        """The content at `path` in a bucket with its version, or None where there is nothing."""

        def get() -> Seen:
            answer = obstore.get(self.objects, path)
            # S3 and Azure compare the e_tag, Google the version.
            known = {name: answer.meta[name] for name in ("e_tag", "version")}
            version = {name: value for name, value in known.items() if value is not None}
            return Seen(content=bytes(answer.bytes()), version=version)

        return self._ask("read", path, get)

    def replace(self, path: str, content: bytes, seen: Seen) -> bool:
        """Put `content` at `path` in a bucket if that is still as seen; say whether it is there."""
        return self._put_if(path, content, seen.version, (*REFUSED, FileNotFoundError))

    def delete(self, path: str) -> None:
        """Remove what is at `path`, if anything is."""
        self._remove_folder(path)
        self._ask("delete", path, lambda: obstore.delete(self.objects, path))

    def sizes(self, prefix: str) -> dict[str, int]:
        """Path and size in bytes of everything below `prefix`, in order of path.

        What a link leads to outside the store is left out: it is not the store's to remove.
        """
        found: list[Any] | None = self._ask(
            "list", prefix, lambda: list(obstore.list(self.objects, prefix).collect())
        )
        inside = [item for item in found or [] if self._is_inside(item["path"])]
        return {item["path"]: item["size"] for item in sorted(inside, key=_path_of)}

    def exists(self, path: str) -> bool:
        """Whether something is at `path`."""
        return self.size(path) is not None

    def is_folder(self, path: str) -> bool:
        """Whether somebody made a folder where a file of a local store belongs."""
        return self.is_local and (self.root / path).is_dir()

    def _remove_folder(self, path: str) -> None:
        # "." would be the store itself: whoever asks for it is refused by the store behind this.
        if {"", ".", ".."}.isdisjoint(path.split("/")) and self.is_folder(path):
            self.clear(path)

    def of_each(self, request: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """The answer to `request` for each item; many at once in a bucket."""
        if self.is_local:
            return [request(item) for item in items]
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            return list(pool.map(request, items))

    def zarr(self, prefix: str, *, read_only: bool) -> ZarrStore:
        """A Zarr store of everything below `prefix`."""

        def open_below() -> ObjectStore:
            if self.is_local:
                return LocalStore(str(self.root / prefix), mkdir=not read_only)
            return open_url(f"{self.location}/{prefix}")

        objects = ZarrObjectStore(self._do("open", prefix, open_below), read_only=read_only)
        return StoreForZarr(objects, location=self.location, prefix=prefix)

    def flush(self, prefix: str) -> None:
        """Force what is at or below `prefix` to the disk, so that a marker may name it.

        An object store has it when it has answered.
        """
        if self.is_local:
            self._do("flush", prefix, lambda: _force(self._entries(prefix)))

    def _entries(self, prefix: str) -> Iterator[Path]:
        """What is at or below `prefix` in a folder, and the folders that name it, up to the root.

        A file is lost with a folder that does not say where it is.
        """
        place = self.root / prefix
        if place.is_dir():
            for parent, _, files in os.walk(place):
                yield from (Path(parent, name) for name in files)
                yield Path(parent)
        else:
            yield place
        yield from (self.root / above for above in Path(prefix).parents)

    def clear(self, prefix: str) -> None:
        """Remove everything below `prefix`.

        In a folder also what `sizes` does not list: folders, what a killed writer left of a file,
        and links, though never what they lead to.
        """
        if self.is_local:
            self._do("remove", prefix, lambda: _clear(self.root / prefix))
            return
        self.of_each(self.delete, self.sizes(prefix))

    def _put_if(
        self, path: str, content: bytes, condition: Any, refused: tuple[type[Exception], ...]
    ) -> bool:
        def put() -> bool:
            try:
                obstore.put(self.objects, path, content, mode=condition)
            except refused:
                return self.read(path) == content
            return True

        there = self._do("write", path, put)
        if there:
            note_written(len(content))
        return there

    def _is_inside(self, path: str) -> bool:
        """Whether a path stays in the store: by its parts, and in a folder by the links in it."""
        if ".." in path.split("/") or path.startswith("/"):
            return False
        if not self.is_local:
            return True
        # Not by `Path`, which takes three times as long: each request comes this way.
        real = os.path.realpath(f"{self.location}/{path}")
        return f"{real}/".startswith(self._real_root)

    @cached_property
    def _real_root(self) -> str:
        """With a slash at its end."""
        return f"{os.path.realpath(self.location).rstrip('/')}/"

    def _stay_inside(self, path: str) -> None:
        if not self._is_inside(path):
            raise IntegrityError(
                f"Expected a path inside the store {self.location}. Got {path!r}, which leads out "
                "of it. Somebody changed the store: remove what is there and run again."
            )

    def _refuse_to_wait(self, path: str) -> None:
        """Raise where something stands in a folder that would never be read to its end."""
        if self.is_local and (kind := never_a_file(f"{self.location}/{path}")):
            kind_and_key = "/".join(path.split("/")[:2])
            known = path.count("/") > 1 and not path.startswith(("studies/", "checkpoints/"))
            raise IntegrityError(
                f"Expected a file at {path} in the store {self.location}. Got {kind}. Somebody "
                "changed the store: remove what is there and run again.",
                artifact=kind_and_key if known else "",
            )

    def _ask(self, verb: str, path: str, question: Callable[[], Result]) -> Result | None:
        """The answer, or None where nothing is there. Asking does not make the folder."""

        def answer() -> Result | None:
            try:
                return question()
            except FileNotFoundError as problem:
                if "NoSuchBucket" in str(problem):
                    raise
                return None

        if self.is_local and not self.root.exists():
            self._stay_inside(path)
            return None
        return self._do(verb, path, answer)

    def _do(self, verb: str, path: str, action: Callable[[], Result]) -> Result:
        self._stay_inside(path)
        return Request(location=self.location, verb=verb, path=path).run(action)


def _path_of(item: Any) -> str:
    return str(item["path"])


def _force(paths: Iterable[Path]) -> None:
    for path in paths:
        # What is gone by now was removed by somebody else: who reads it will notice.
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _clear(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
        return
    for parent, folders, files in os.walk(folder, topdown=False):
        links = [name for name in folders if Path(parent, name).is_symlink()]
        for name in [*files, *links]:
            Path(parent, name).unlink(missing_ok=True)
        # Not empty: somebody else has begun to write there.
        with contextlib.suppress(OSError):
            Path(parent).rmdir()
