"""Temporary folders of runs, which a run that was killed leaves to the next one to remove."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["run_folder"]

LOCK = "run.lock"


@contextmanager
def run_folder(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """A temporary folder for the length of the block, which nobody else may read.

    Those of the same prefix that dead runs of this user left in `parent` are removed first. While a
    run lives it holds a lock in its folder, which the operating system releases however it ends.
    """
    place = Path(tempfile.gettempdir() if parent is None else parent)
    for folder in place.glob(f"{prefix}*"):
        _remove_if_dead(folder)
    made = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    try:
        with FileLock(made / LOCK):
            yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _remove_if_dead(folder: Path) -> None:
    try:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            return
        if (folder / LOCK).is_file():  # one without it may be of a run that is about to make it
            with FileLock(folder / LOCK, timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
    except (OSError, Timeout):
        return  # it is in use, or somebody else has removed it
