"""What Zarr reads and writes through: a store's requests, with a store's errors."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from zarr.abc.store import ByteRequest
from zarr.abc.store import Store as ZarrStore
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import WrapperStore

from repsim.errors import IntegrityError
from repsim.regular_files import never_a_file
from repsim.store.requests import Request
from repsim.store.traffic import note_read, note_written

__all__ = ["StoreForZarr"]

Result = TypeVar("Result")


class StoreForZarr(WrapperStore[ZarrStore]):
    """A Zarr store that says what it could not do and where, as `Store` does.

    Without it a store that cannot be reached would pass for a damaged array.

    Parameters
    ----------
    store
        What it asks.
    location, prefix
        Where that is, for messages.
    """

    def __init__(self, store: ZarrStore, *, location: str, prefix: str) -> None:
        super().__init__(store)
        self._location = location
        self._prefix = prefix

    def _with_store(self, store: ZarrStore) -> "StoreForZarr":
        return StoreForZarr(store, location=self._location, prefix=self._prefix)

    async def _ask(self, verb: str, key: str, action: Callable[[], Awaitable[Result]]) -> Result:
        path = f"{self._location}/{self._prefix}/{key}"
        if verb != "write" and (kind := never_a_file(path)):
            raise IntegrityError(f"Expected a file at {path}. Got {kind}.")
        request = Request(location=self._location, verb=verb, path=f"{self._prefix}/{key}")
        return await request.run_async(action)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Read a file, or part of it."""
        content = await self._ask("read", key, lambda: self._store.get(key, prototype, byte_range))
        if content is not None:
            note_read(len(content))
        return content

    async def exists(self, key: str) -> bool:
        """Whether a file is there."""
        return await self._ask("look for", key, lambda: self._store.exists(key))

    async def set(self, key: str, value: Buffer) -> None:
        """Write a file."""
        await self._ask("write", key, lambda: self._store.set(key, value))
        note_written(len(value))

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        """Write a file unless it is there."""
        await self._ask("write", key, lambda: self._store.set_if_not_exists(key, value))
