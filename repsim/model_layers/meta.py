"""Asking a model for what follows from its shapes alone."""

from collections.abc import Callable
from typing import TypeVar

import torch

from repsim.training.streams import isolated_randomness

__all__ = ["without_computing"]

Answer = TypeVar("Answer")


def without_computing(question: Callable[[], Answer]) -> Answer:
    """The answer on torch's meta device, or on the CPU where a model does not run there."""
    with isolated_randomness(torch.device("cpu")):
        try:
            with torch.device("meta"):
                return question()
        # The CPU has the last word, and its message is the one that concerns the user.
        except Exception:
            return question()
