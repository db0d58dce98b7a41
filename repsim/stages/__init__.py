"""One module for each kind of artifact: what determines it, what it needs, and how it is made.

A module with a function `nodes` adds nodes to the graph of every study, and its `KINDS` are the
folders of the store that it writes: no list of kinds stands anywhere else.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from repsim.graph import Graph, Node

if TYPE_CHECKING:
    from repsim.stages.plan import StudyPlan

__all__ = ["graph_of", "kinds"]


@cache
def _modules() -> dict[str, Callable[["StudyPlan"], Iterator[Node]]]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = ((name, importlib.import_module(f"{__name__}.{name}")) for name in names)
    return {name: module.nodes for name, module in modules if hasattr(module, "nodes")}


def kinds() -> frozenset[str]:
    """Folders of a store in which there are artifacts or checkpoints, and nothing else."""
    modules = (importlib.import_module(f"{__name__}.{name}") for name in _modules())
    return frozenset(kind for module in modules for kind in module.KINDS)


def graph_of(plan: "StudyPlan") -> Graph:
    """The graph of a study: the nodes of all modules of this package."""
    return Graph(node for nodes in _modules().values() for node in nodes(plan))
