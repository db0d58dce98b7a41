"""What a worker gives to the functions that it calls, and how it calls one."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from repsim.graph.record import Recorder, process_seconds, recorded
from repsim.objective import Score
from repsim.store import Artifact, Store

if TYPE_CHECKING:
    from repsim.graph.node import Node
    from repsim.training import Ranks

__all__ = ["NetworkProgress", "Resources", "Worker", "run_node"]


@dataclass(frozen=True, kw_only=True)
class NetworkProgress:
    """How far a network is."""

    network: str
    name: str
    """``training`` (counted in epochs) or ``capturing`` (counted in examples)."""
    done: int
    total: int
    score: float | None = None
    """On the test split after the last epoch."""
    score_name: Score = "accuracy"
    history: tuple[Mapping[str, Any], ...] = ()
    """The epochs since the training was begun or resumed, as a training record has them."""

    @property
    def score_words(self) -> str:
        """The score with its name, as ``test accuracy 97.3%``; empty where it is not known."""
        if self.score is None:
            return ""
        if self.score_name == "accuracy":
            return f"test accuracy {self.score:.1%}"
        if self.score_name == "perplexity":
            return f"test perplexity {self.score:.1f}"
        return f"test R² {self.score:.3f}"


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a worker may use. It changes how fast a network is trained, not which one."""

    device: str = "auto"
    threads: int = 1
    loader_workers: int = 0


def _silent(progress: NetworkProgress) -> None:
    del progress


def _never() -> bool:
    return False


@dataclass(kw_only=True)
class Worker:
    """A process that calls the functions of nodes, as these see it."""

    resources: Resources = field(default_factory=Resources)
    ranks: "Ranks | None" = None
    """The processes that train a network together, where there are several."""
    report: Callable[[NetworkProgress], None] = _silent
    should_stop: Callable[[], bool] = _never
    recorder: Recorder | None = None
    """Is given what each node took."""
    kept: dict[str, Any] = field(default_factory=dict)
    """What one call leaves to the next: a data set that both need is loaded once."""

    @property
    def rank(self) -> int:
        """Its number among those that train a network together."""
        return 0 if self.ranks is None else self.ranks.rank


def run_node(store: Store, node: "Node", worker: Worker) -> None:
    """Make what the node makes, unless it exists; remove temporary artifacts that have served.

    A node may run twice, anywhere, at any time: it looks for its artifacts first, and the first
    that is published wins.
    """
    ranks = worker.ranks if node.together else None
    if ranks is None and worker.rank:
        return
    label = node.label
    if ranks is not None and ranks.size > 1:
        label = f"{label}, rank {ranks.rank} of {ranks.size}"
    clock = process_seconds if node.where == "train" else time.thread_time
    with recorded(worker.recorder, node.task, label, cpu_clock=clock):
        wanted = [
            folder
            for folder in node.folders
            if _is_of_use(store, node, folder) and not Artifact.at(store, folder).exists()
        ]
        # Ranks that make something together look together, inside the function.
        if wanted or ranks is not None:
            node.make(store, wanted, worker)
    for need in node.needs if worker.rank == 0 else ():
        if need in node.users and not _is_of_use(store, node, need):
            Artifact.at(store, need).discard()


def _is_of_use(store: Store, node: "Node", folder: str) -> bool:
    """Whether something is still to be made of an artifact, or it is there to stay."""
    users = node.users.get(folder)
    if users is None:
        return True
    # What is made last is asked for first: mostly one request says that it is missing. A temporary
    # user that is missing may have served already.
    return any(
        not Artifact.at(store, user).exists()
        and (user not in node.users or _is_of_use(store, node, user))
        for user in reversed(users)
    )
