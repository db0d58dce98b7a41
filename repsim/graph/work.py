"""The nodes of one pass over a study: which can be run, which have ended, and which cannot be run.

One thread may train while another matches: both take their nodes from here.
"""

import threading
from collections.abc import Callable, Mapping, Sequence

from repsim.graph.node import Node, Where

__all__ = ["Work"]

OnEnd = Callable[[Node, Mapping[str, Exception]], None]


class Work:
    """What is left to do.

    Parameters
    ----------
    nodes
        Each after those that it needs.
    on_end
        Is told of each node that has ended, with what failed of it, by ``kind/key``.
    failed
        What failed before, likewise.
    """

    def __init__(
        self, nodes: Sequence[Node], on_end: OnEnd, failed: Mapping[str, Exception] | None = None
    ) -> None:
        self._failed = dict(failed or {})
        # What has failed before is not tried again.
        self._waiting = [node for node in nodes if self._failed.keys().isdisjoint(node.folders)]
        self._on_end = on_end
        self._lock = threading.RLock()
        self._unmade = {folder: node.where for node in nodes for folder in node.folders}
        self._taken: set[str] = set()
        self._seen: set[Where] = set()
        """Kinds of worker for which nothing has changed since they took nodes."""

    @property
    def failed(self) -> dict[str, Exception]:
        """Why artifacts could not be made, by ``kind/key``."""
        with self._lock:
            return dict(self._failed)

    def left(self, where: Where) -> bool:
        """Whether nodes for this kind of worker wait that can still be run."""
        with self._lock:
            self._end_blocked()
            return any(node.where == where for node in self._waiting)

    def give_up(self, where: Where) -> None:
        """Drop the nodes for this kind of worker, and what needs them: nobody will run them."""
        with self._lock:
            dropped = {folder for folder, of in self._unmade.items() if of == where}
            rest = []
            for node in self._waiting:
                if node.where == where or not dropped.isdisjoint(node.needs):
                    dropped.update(node.folders)
                else:
                    rest.append(node)
            self._waiting = rest

    def take(self, where: Where) -> list[Node]:
        """Nodes for this kind of worker that wait for no other kind, in order; each is given once.

        A node ends here if something that it needs has failed, for the same reason.
        """
        with self._lock:
            if where in self._seen:
                return []
            self._end_blocked()
            self._seen.add(where)
            ready, rest = [], []
            for node in self._waiting:
                if node.where == where and all(self._is_near(need, where) for need in node.needs):
                    ready.append(node)
                    self._taken.update(node.folders)
                else:
                    rest.append(node)
            self._waiting = rest
            return ready

    def end(self, node: Node, failed: Mapping[str, Exception] | None = None) -> None:
        """Note that the node has ended, and why what it should have made is missing."""
        with self._lock:
            self._end(node, failed or {})

    def _is_near(self, folder: str, where: Where) -> bool:
        """Whether the artifact exists, or is made before by the same kind of worker."""
        return folder not in self._unmade or (
            self._unmade[folder] == where and folder in self._taken
        )

    def _end_blocked(self) -> None:
        """End the nodes for which something failed: they come after it."""
        rest = []
        for node in self._waiting:
            cause = next((self._failed[need] for need in node.needs if need in self._failed), None)
            if cause is None:
                rest.append(node)
            else:
                self._end(node, dict.fromkeys(node.folders, cause))
        self._waiting = rest

    def _end(self, node: Node, failed: Mapping[str, Exception]) -> None:
        for folder in node.folders:
            self._unmade.pop(folder, None)
        self._failed |= failed
        self._seen.clear()
        self._on_end(node, failed)
