"""Showing how far a run is: bars on a terminal, plain lines in a log."""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from repsim.graph import NetworkProgress

__all__ = ["Reporter", "progress"]

log = logging.getLogger("repsim")

# Between two plain lines about the same thing.
SECONDS_BETWEEN_LINES = 10.0


class Reporter(Protocol):
    """What a run tells while it works."""

    def network(self, progress: NetworkProgress) -> None:
        """A network is at this stage."""

    def network_done(self, label: str) -> None:
        """A network is trained and captured, or has failed."""

    def comparisons(self, done: int, total: int) -> None:
        """So many layers of so many pairs are matched."""


@contextmanager
def progress(console: Console) -> Iterator[Reporter]:
    """Bars where `console` is a terminal, lines elsewhere."""
    if not console.is_terminal:
        yield _Lines()
        return
    columns = (
        TextColumn("{task.description:<34}", markup=False),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        yield _Bars(bars)


class _Bars:
    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def network(self, progress: NetworkProgress) -> None:
        note = progress.score_words
        self._show(
            progress.network,
            f"{progress.network}: {progress.name}",
            progress.done,
            progress.total,
            note,
        )

    def network_done(self, label: str) -> None:
        if label in self._tasks:
            self._bars.remove_task(self._tasks.pop(label))

    def comparisons(self, done: int, total: int) -> None:
        self._show("matching", "matching layers of pairs", done, total, "")

    def _show(self, name: str, words: str, done: int, total: int, note: str) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(words, total=total, note=note)
        task = self._tasks[name]
        self._bars.update(task, description=words, completed=done, total=total, note=note)


class _Lines:
    def __init__(self) -> None:
        self._last: dict[str, tuple[float, int]] = {}

    def network(self, progress: NetworkProgress) -> None:
        note = f", {progress.score_words}" if progress.score_words else ""
        fields = {
            "network": progress.network,
            "stage": progress.name,
            progress.score_name: progress.score,
        }
        self._say(
            f"{progress.network}: {progress.name}", progress.done, progress.total, note, fields
        )

    def network_done(self, label: str) -> None:
        """The run itself says how it ended."""

    def comparisons(self, done: int, total: int) -> None:
        self._say("matching layers of pairs", done, total, "", {"stage": "matching"})

    def _say(
        self, name: str, done: int, total: int, note: str, fields: Mapping[str, object]
    ) -> None:
        said_at, said = self._last.get(name, (0.0, -1))
        now = time.monotonic()
        due = now - said_at >= SECONDS_BETWEEN_LINES or done >= total or said < 0
        if done == said or not due:
            return
        self._last[name] = (now, done)
        extra = {**fields, "done": done, "total": total}
        log.info("%s %d of %d%s", name, done, total, note, extra=extra)
