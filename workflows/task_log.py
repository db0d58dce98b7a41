"""A file with one line for each task that has ended."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from io import FileIO

from repsim.errors import StudyError
from repsim.graph import Recorder, TaskRecord
from repsim.regular_files import never_a_file
from workflows.terminal import json_text

__all__ = ["task_log"]

log = logging.getLogger("repsim")

STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}


@contextmanager
def task_log(file: str) -> Iterator[Recorder | None]:
    """A recorder that appends to `file`; None where that is empty.

    A line is written at once and as a whole: killing the process leaves no part of one, and
    processes that append to the same file on one machine do not mix theirs.

    Raises
    ------
    StudyError
        When the file cannot be written.
    """
    if not file:
        yield None
        return
    if file not in STREAMS and (kind := never_a_file(file)) and kind != "a character device":
        raise StudyError(
            f"Expected a file that can be written as the task log. Got {file!r}, which is {kind}. "
            "Name a file, /dev/stdout or /dev/stderr."
        )
    try:
        # Opened by its name, a log that stderr goes to would be written over by the next message.
        stream = FileIO(os.dup(STREAMS[file]) if file in STREAMS else file, "a")
    except OSError as problem:
        raise StudyError(
            f"Expected a file that can be written as the task log. Got {file!r}: "
            f"{problem.strerror}. Make its folder first, or name another file."
        ) from None
    with stream:
        yield _Lines(file, stream)


class _Lines:
    """Appends records to a file until that fails: the work goes on without them."""

    def __init__(self, file: str, stream: FileIO) -> None:
        self._file = file
        self._stream = stream
        self._failed = False

    def __call__(self, record: TaskRecord) -> None:
        if self._failed:
            return
        fields = {name: value for name, value in asdict(record).items() if value is not None}
        line = json_text(fields) + "\n"
        try:
            self._stream.write(line.encode())
        except OSError as problem:
            self._failed = True
            log.warning("No more lines in the task log %s: %s", self._file, problem)
