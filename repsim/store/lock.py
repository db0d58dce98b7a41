"""One run of a study at a time."""

import contextlib
import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from repsim.errors import ActiveRunError, StoreError
from repsim.store.location import Store

__all__ = ["run_lock"]

log = logging.getLogger(__name__)

# A run in a bucket renews its lease so often. One that is not renewed for so long is of a dead run.
RENEW_SECONDS = 3.0
LEASE_SECONDS = 15.0
WATCH_SECONDS = 1.0
# The content of a lease that nobody holds.
FREE = b""


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
    """Hold a lease: an object that its holder changes every few seconds.

    Whoever finds one watches it. Where it changes, somebody is alive; where it does not, it is
    taken over. So no clock is compared with another, and a clock that is set changes nothing. Every
    change is on the condition that the object is as it was seen, so only one can make it.
    """
    path = f"studies/{study}/run.lock"
    me = secrets.token_hex(8).encode()
    if not _acquired(store, path, me):
        raise _active(store, study)
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(store, path, me, ended), daemon=True)
    renewing.start()
    store_is_gone = False
    try:
        yield
    except StoreError:
        store_is_gone = True  # letting go would wait for it again: the lease ends by itself
        raise
    finally:
        ended.set()
        if not store_is_gone:
            renewing.join(RENEW_SECONDS)
            with contextlib.suppress(StoreError):
                _change(store, path, me, FREE)


def _acquired(store: Store, path: str, me: bytes) -> bool:
    """Take the lease if nobody holds it, or nobody who is alive; whether it was taken."""
    held = store.look(path)
    if held is None:
        return store.create(path, me)
    if held.content != FREE:
        log.info("A run of this study was active here: watching whether it still is")
    until = time.monotonic() + LEASE_SECONDS
    while held.content != FREE and time.monotonic() < until:
        time.sleep(WATCH_SECONDS)
        now = store.look(path)
        if now is None or now.content not in {held.content, FREE}:
            return False
        held = now
    return store.replace(path, me, held)


def _change(store: Store, path: str, me: bytes, content: bytes) -> bool:
    """Put `content` in place of a lease of mine; False where it is no longer mine."""
    held = store.look(path)
    return held is not None and held.content.startswith(me) and store.replace(path, content, held)


def _renew(store: Store, path: str, me: bytes, ended: threading.Event) -> None:
    renewals = 0
    while not ended.wait(RENEW_SECONDS):
        renewals += 1
        with contextlib.suppress(StoreError):  # the next renewal may get through
            if not _change(store, path, me, b"%s %d" % (me, renewals)):
                log.warning("another run took this study over: it looked dead for a while")
                return
