"""Whether the store can be used from here, as a run uses it, and how fast it is."""

import contextlib
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import obstore
from filelock import FileLock, Timeout

from cluster.doctor.finding import UNREACHABLE, WRONG, Finding, ok, problem, warning
from cluster.doctor.machine import check_room
from repsim.errors import RepsimError
from repsim.store import Store

__all__ = ["check_path", "check_store", "standing_token"]

SMALL = b"\0" * 2**14
WRITES = 3
# A study makes some ten small files for each comparison.
SLOW_SECONDS = 0.5
# Shares of the time that other programs show, and ages in `repsim gc`, go by the clock.
SKEW_SECONDS = 5.0


def check_path(token: str, name: str) -> str:
    """Where what is written for a check is, in the store."""
    return f"checks/{token}/{name}"


@contextmanager
def standing_token(store: Store) -> Iterator[str]:
    """A token that stands in the store for the length of the block; nothing of it stays.

    Raises
    ------
    StoreError
        When the store cannot be written.
    """
    token = secrets.token_hex(8)
    there = not store.is_local or store.root.exists()
    try:
        store.write(check_path(token, "here"), token.encode())
        yield token
    finally:
        with contextlib.suppress(RepsimError, OSError):
            _remove(store, token, there)


def _remove(store: Store, token: str, there: bool) -> None:
    for path in store.sizes(check_path(token, "")):
        store.delete(path)
    if store.is_local:
        folder = store.root / check_path(token, "")
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.rmdir()  # refused while another check is under way
        if not there:
            store.root.rmdir()


def check_store(location: str, token: str | None, name: str) -> list[Finding]:
    """Use the store as a run does.

    Parameters
    ----------
    location
        Of the store, in which ``checks/<token>/here`` holds the token: who does not find it has
        another folder at that path.
    token
        Of this check; None where no other node takes part.
    name
        Of what is written; no other process has it.
    """
    try:
        store = Store(location)
        if token is None:
            with standing_token(store) as own:
                return list(_used(store, own, name))
        if store.read(check_path(token, "here")) != token.encode():
            found = "it holds nothing of this check: it is not the store that the others use"
            remedy = "Mount the same folder at the same path on every node, or use a bucket."
            return [problem("store", f"{store.location}: {found}", remedy, code=UNREACHABLE)]
        return list(_used(store, token, name))
    except RepsimError as refusal:
        return [store_problem(location, refusal)]


def store_problem(location: str, refusal: RepsimError) -> Finding:
    """The store cannot be used, for a reason that says what to do."""
    found = f"{location} cannot be used"
    return problem("store", found, str(refusal), code=refusal.exit_code)


def _used(store: Store, token: str, name: str) -> Iterator[Finding]:
    path = check_path(token, name)
    started = time.monotonic()
    for _ in range(WRITES):
        store.write(path, SMALL)
    seconds = (time.monotonic() - started) / WRITES
    store.write(path, token.encode())
    if store.read(path) != token.encode():
        found = f"{store.location}: what was written there cannot be read back"
        yield problem("store", found, "Ask whoever runs it: no run can trust it.", code=UNREACHABLE)
        return
    yield ok("store", f"{store.location} is written and read")
    found = f"{seconds * 1000:.0f} ms for a small file"
    if seconds > SLOW_SECONDS:
        remedy = "Use a store that is nearer, or a local folder that is copied afterwards."
        yield warning("store speed", found, remedy)
    else:
        yield ok("store speed", found)
    yield _conditions(store, token, name)
    yield _clock(store, path)
    if store.is_local:
        remedy = "Choose another store with --store, or see what `repsim gc` would remove."
        yield check_room("store room", Path(store.location), remedy)


def _conditions(store: Store, token: str, name: str) -> Finding:
    """Of two writers only the first may publish, and only one run may hold a study."""
    remedy = "Two runs at once could not tell: use one at a time, or a store with conditional puts."
    path = check_path(token, f"{name}-once")
    if not store.create(path, b"first") or store.create(path, b"second"):
        found = "a file that was there was replaced, against the condition"
        return problem("store conditions", found, remedy, code=WRONG)
    if not store.is_local:
        seen = store.look(path)
        store.write(path, b"third")
        held = seen is not None and not store.replace(path, b"fourth", seen)
    else:
        held = _locks(store.root / check_path(token, f"{name}.lock"))
    if not held:
        found = "a run cannot hold a study for itself"
        return problem("store conditions", found, remedy, code=WRONG)
    return ok("store conditions", "only the first of two writers wins")


def _locks(file: Path) -> bool:
    """Whether the operating system lets only one hold a file: not so on some network disks."""
    first, second = (FileLock(file, timeout=0, is_singleton=False) for _ in range(2))
    try:
        with first:
            try:
                second.acquire()
            except Timeout:
                return True
            second.release()
    except OSError:  # it knows no locks
        pass
    return False


def _clock(store: Store, path: str) -> Finding:
    """The clock of here against that of the store, which dates what has just been written."""
    written = obstore.head(store.objects, path)["last_modified"]
    skew = abs((datetime.now(UTC) - written).total_seconds())
    if skew > SKEW_SECONDS:
        found = f"{skew:.0f} s away from the store's"
        remedy = "Set it by NTP: buckets refuse requests whose clock is 15 minutes off."
        return warning("clock", found, remedy)
    return ok("clock", "that of the store")
