"""Engines: each a function that makes the nodes of a `Work` on its kind of worker.

A run knows them by this table alone.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Literal

from repsim.graph import Node, Where, Work
from workflows.engines.session import Session

__all__ = ["Engine", "Session", "check", "engine_of"]

Engine = Literal["cluster", "inline"]

# Imported when they are used: Ray and Dask take seconds.
_MODULES: dict[tuple[Engine, Where], str] = {
    ("cluster", "train"): "ray",
    ("cluster", "match"): "dask",
    ("inline", "train"): "inline",
    ("inline", "match"): "inline",
}


def engine_of(engine: Engine, where: Where) -> Callable[[Work, Session], None]:
    """The function that makes the nodes of a kind of worker.

    It returns when none is left, and raises

    - `ClusterError` when the cluster cannot be reached, or nothing on it moves,
    - `PreemptedError` when the session was told to stop.
    """
    module = import_module(f"workflows.engines.{_MODULES[engine, where]}")
    function: Callable[[Work, Session], None] = getattr(module, where)
    return function


def check(engine: Engine, nodes: Sequence[Node], session: Session) -> None:
    """Refuse what can be known to fail, before anything starts."""
    if engine == "cluster":
        from workflows.engines.dask import check as check_dask_can

        check_dask_can(nodes, session)
