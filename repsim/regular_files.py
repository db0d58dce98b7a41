"""Files, told from what waits for a writer when it is opened: a FIFO, a socket, a device."""

import errno
import os
import stat
from pathlib import Path

__all__ = ["never_a_file", "small_text"]

# Of what is written by hand. A study of 50 000 seeds has half a megabyte.
MOST_BYTES = 16 * 2**20

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


def small_text(path: Path) -> str:
    """The text of a file that is written by hand; editors on Windows write a byte order mark.

    Raises
    ------
    OSError
        When it cannot be read, or has more than 16 MiB: reading it all could take all memory.
    UnicodeDecodeError
        When it is not UTF-8.
    """
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise OSError(errno.EFBIG, f"It has more than {MOST_BYTES // 2**20} MiB")
    return content.decode("utf-8-sig")
