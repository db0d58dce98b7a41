"""Measuring two ways of doing the same thing in the same run."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from threadpoolctl import threadpool_limits

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Cost of the literal algorithm and of ours, in seconds of one core."""

    task: str
    literal: float
    ours: float
    how: str

    @property
    def ratio(self) -> float:
        return self.literal / self.ours


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """Result and processor time on one core: other programs on the machine do not count."""
    with threadpool_limits(1):
        start = time.process_time()
        result = work()
        return result, time.process_time() - start


def table(comparisons: Iterable[Comparison]) -> str:
    """Comparisons as aligned text."""
    head = f"{'task':<58}{'literal':>12}{'ours':>10}{'ratio':>10}  how"
    lines = [
        f"{c.task:<58}{c.literal:>10.2f} s{c.ours:>8.3f} s{c.ratio:>9.0f}×  {c.how}"
        for c in comparisons
    ]
    return "\n".join([head, "-" * len(head), *lines])
