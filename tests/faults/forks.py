"""Processes that are there at once: forked from one that has all imports."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

__all__ = ["fork"]

PRELOADED = [
    "tests.faults.publication_points",
    "tests.faults.random_damage.commands",
    "repsim.report",
    # What a command imports when it comes to it, and another user may not be able to read.
    "workflows.engines.inline",
    "importlib.readers",
    # What torch imports when a model is first made: a second and a half.
    "torch._dynamo",
]


def fork(function: Callable[..., object], *arguments: Any) -> BaseProcess:
    """A process, started, that calls the function with these arguments and ends."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=function, args=arguments)
    process.start()
    return process
