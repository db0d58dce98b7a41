"""Telling files from what waits for a writer when it is opened: a FIFO, a socket, a device."""

import os
import stat
from pathlib import Path

__all__ = ["never_a_file"]

KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)


def never_a_file(path: str | Path) -> str:
    """What stands at `path` where that is neither a file nor a folder; empty where it may be read.

    Links are followed. Nothing is opened: to open a FIFO takes until somebody writes to it.

    Examples
    --------
    >>> never_a_file("/dev/null")
    'a character device'
    >>> never_a_file("/tmp")
    ''
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - a Path a file takes longer
    except (OSError, ValueError):
        return ""  # whoever opens it says what is wrong
    return next((words for is_kind, words in KINDS if is_kind(mode)), "")
