"""One run of a study at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from repsim.errors import ActiveRunError, StoreError
from repsim.store.location import Store

__all__ = ["run_lock"]


@contextmanager
def run_lock(store: Store, study: str) -> Iterator[None]:
    """Hold the study for this process.

    The lock is the operating system's (flock): it is gone when the process is, however it ended,
    so that no file has to be deleted by hand.

    Raises
    ------
    ActiveRunError
        When another run holds it.
    StoreError
        When the store is not a folder that can be written.
    """
    folder = store.root / "studies" / study
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "run.lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise ActiveRunError(
            f"Expected no other run of the study {study!r} in {store.location}. Got one that is "
            "active. Wait for it to end (`repsim status` shows how far it is), or stop it."
        ) from None
    except OSError as problem:
        raise StoreError(
            f"Expected a folder that can be written. Got {store.location}: {problem}. "
            "Choose another with --store."
        ) from problem
    try:
        yield
    finally:
        lock.release()
