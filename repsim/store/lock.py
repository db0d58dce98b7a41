"""One run of a study at a time."""

import contextlib
import logging
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import obstore
from filelock import FileLock, Timeout

from repsim.errors import ActiveRunError, StoreError
from repsim.store.location import Store

__all__ = ["run_lock"]

log = logging.getLogger(__name__)

# A run in a bucket renews its lease so often, and is taken for dead after so long without.
RENEW_SECONDS = 15.0
LEASE = timedelta(seconds=60)


@contextmanager
def run_lock(store: Store, study: str) -> Iterator[None]:
    """Hold the study for this process.

    In a folder the lock is the operating system's (flock): it is gone when the process is, however
    it ended. In a bucket it is a lease that is renewed while the process lives. Neither leaves a
    file to be deleted by hand. Should two runs hold it all the same (a machine slept for a minute),
    nothing is damaged: they do some work twice.

    Raises
    ------
    ActiveRunError
        When another run holds it.
    StoreError
        When the store cannot be written.
    """
    with _file_lock(store, study) if store.is_local else _lease(store, study):
        yield


def _active(store: Store, study: str) -> ActiveRunError:
    return ActiveRunError(
        f"Expected no other run of the study {study!r} in {store.location}. Got one that is "
        "active. Wait for it to end (`repsim status` shows how far it is), or stop it."
    )


@contextmanager
def _file_lock(store: Store, study: str) -> Iterator[None]:
    folder = store.root / "studies" / study
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "run.lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise _active(store, study) from None
    except OSError as problem:
        raise StoreError(
            f"Expected a folder that can be written. Got {store.location}: {problem}. "
            "Choose another with --store."
        ) from problem
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _lease(store: Store, study: str) -> Iterator[None]:
    path = f"studies/{study}/run.lock"
    me = secrets.token_hex(8).encode()
    if not store.create(path, me):
        _take_over(store, study, path, me)
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(store, path, me, ended), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        ended.set()
        renewing.join()
        if store.read(path) == me:
            store.delete(path)


def _take_over(store: Store, study: str, path: str, me: bytes) -> None:
    """Replace a lease that was not renewed in time, by the clock of the store alone."""
    try:
        held = obstore.head(store.objects, path)
    except FileNotFoundError:
        held = None
    if held is not None and _store_time(store, study) - held["last_modified"] < LEASE:
        raise _active(store, study)
    try:
        if held is None:
            if not store.create(path, me):
                raise _active(store, study)
        else:
            obstore.put(store.objects, path, me, mode={"e_tag": held["e_tag"]})
    except obstore.exceptions.PreconditionError:
        raise _active(store, study) from None


def _store_time(store: Store, study: str) -> datetime:
    """Now, as the store sees it: no clock of ours is compared with one of its."""
    path = f"studies/{study}/clock"
    store.write(path, b"")
    return obstore.head(store.objects, path)["last_modified"]


def _renew(store: Store, path: str, me: bytes, ended: threading.Event) -> None:
    while not ended.wait(RENEW_SECONDS):
        with contextlib.suppress(StoreError):  # the next renewal may get through
            if store.read(path) != me:
                log.warning("another run took this study over: it looked dead for a minute")
                return
            store.write(path, me)
