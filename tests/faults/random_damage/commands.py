"""`repsim` in a process of its own that is there at once: forked from one that has all imports."""

import multiprocessing
import os
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path
from unittest.mock import patch

from repsim.store import lock
from workflows.command import main

__all__ = ["start"]

# The last is what torch imports when a model is first made; a second and a half.
PRELOADED = ["tests.faults.random_damage.commands", "workflows.run", "torch._dynamo"]


def start(*arguments: str, log: Path) -> BaseProcess:
    """`repsim` with these arguments, whose output is added to `log`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=_repsim, args=(arguments, log, dict(os.environ)))
    process.start()
    return process


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
