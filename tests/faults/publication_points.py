"""A run that kills itself (SIGKILL) where it is about to change the store, or just has.

Every change of a store goes through a method of `Store`, or through the Zarr store of a draft. A
point is what changes, of what kind, and whether it is before or after:
``create networks/marker.json after``.
"""

import os
import re
import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cluster.profile import Profile
from repsim.graph import NetworkProgress, Recorder
from repsim.report.drawing import Drawing, Picture
from repsim.store import Store
from repsim.store.activations import Recording
from repsim.study import load_study
from workflows.plan import plan_study
from workflows.progress import Reporter
from workflows.run import RunSummary, run_study

Visit = Callable[[str], object]


class Silent(Reporter):
    """Nobody watches."""

    def network(self, progress: NetworkProgress) -> None: ...
    def network_done(self, label: str) -> None: ...
    def comparisons(self, done: int, total: int) -> None: ...


def sketched(drawing: Drawing, *, epsilons: int) -> Picture:
    """In place of a figure, which would take longer than all the rest of a run."""
    words = (drawing.name, drawing.title, drawing.finding, drawing.reading)
    name, title, finding, reading = words
    content = f"{words} in {epsilons} colours"
    return Picture(
        name=name,
        title=title,
        finding=finding,
        reading=reading,
        svg=content.encode(),
        png=content.encode(),
        inline="",
    )


def run_inline(
    study: Path, store: Path, *options: str, recorder: Recorder | None = None
) -> RunSummary:
    """A run in this process, whose figures are not drawn."""
    plan = plan_study(load_study(study, options))
    with patch("repsim.report.build.render", sketched):
        target = Store(str(store))
        return run_study(plan, target, Profile(), "inline", Silent(), recorder=recorder)


def kind_of(path: str) -> str:
    """The kind of a file: its path without keys, attempts and numbers."""
    path = re.sub(r"[0-9a-f]{64}(/([0-9a-f]{16}/)?|$)", "", path)
    path = re.sub(r"checkpoints/[0-9].*", "checkpoints/checkpoint", path)
    path = re.sub(r"^c/[0-9/]+", "shard", path.removeprefix("activations/activations/"))
    path = re.sub(r"(group|null)-[0-9]+", r"\1", path)
    return re.sub(r"report/.*", "report/*", path)


def visiting(visit: Visit) -> ExitStack:
    """While it is open, every change of a store is visited, before and after."""
    stack = ExitStack()
    for name in ("write", "create", "delete", "clear"):
        stack.enter_context(patch.object(Store, name, _visited(name, getattr(Store, name), visit)))
    original = Recording.set

    async def set_visited(self: Recording, key: str, value: Any) -> None:
        visit(f"set {kind_of(key.removeprefix('activations/'))} before")
        await original(self, key, value)
        visit(f"set {kind_of(key.removeprefix('activations/'))} after")

    stack.enter_context(patch.object(Recording, "set", set_visited))
    return stack


def _visited(name: str, original: Callable[..., Any], visit: Visit) -> Callable[..., Any]:
    def changed(self: Store, path: str, *content: bytes) -> Any:
        visit(f"{name} {kind_of(path)} before")
        result = original(self, path, *content)
        visit(f"{name} {kind_of(path)} after")
        return result

    return changed


def run_and_die(study: Path, store: Path, point: str) -> None:
    """A run that is killed the first time it comes to the point."""

    def visit(here: str) -> None:
        if here == point:
            os.kill(os.getpid(), signal.SIGKILL)

    with visiting(visit):
        run_inline(study, store)
