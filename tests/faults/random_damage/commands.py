"""`repsim` in a process of its own."""

import os
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path
from unittest.mock import patch

from repsim.store import lock
from tests.faults.forks import fork
from workflows.command import main

__all__ = ["start"]


def start(*arguments: str, log: Path) -> BaseProcess:
    """`repsim` with these arguments, whose output is added to `log`."""
    return fork(_repsim, arguments, log, dict(os.environ))


def _repsim(arguments: tuple[str, ...], log: Path, environment: dict[str, str]) -> None:
    # The process that forks has the environment of when it was started.
    os.environ.update(environment)
    with log.open("ab") as output:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(output.fileno(), stream.fileno())
    # The periods of a lease in a bucket, so short that a run after a kill need not wait.
    lock.RENEW_SECONDS, lock.LEASE_SECONDS, lock.WATCH_SECONDS = 0.2, 1.2, 0.05
    with patch.object(sys, "argv", ["repsim", *arguments]):
        main()
