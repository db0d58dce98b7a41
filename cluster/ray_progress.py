"""Noticing that nothing moves on Ray: a control store or node that is silent, actors that hang."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import ray

from cluster.limits import call_aside, call_within
from repsim.errors import ClusterError

__all__ = ["RayWatch", "answer_of"]

log = logging.getLogger("repsim")

LOOK_SECONDS = 10.0
# Ray gives up a node after a minute of silence, and never a control store.
SILENT_SECONDS = 120.0
# An epoch may take long: after so long at one stage it is said which networks are, and again.
SAY_SECONDS = 600.0
# An actor answers from a thread of its own, whatever it computes.
ACTOR_SECONDS = 1800.0
SHOWN = 5

ADVICE = "What is finished is kept: run again."


def answer_of(question: Callable[[], Any], seconds: float) -> Any:
    """What Ray's control store answers, which itself may be silent for ever.

    Raises
    ------
    ClusterError
        When it has not answered within so many seconds.
    """
    try:
        return call_within(seconds, question)
    except TimeoutError as problem:
        raise ClusterError(
            f"Expected Ray's control store (gcs_server) to answer. Got {problem}. {ADVICE}"
        ) from problem


@dataclass(kw_only=True)
class _Network:
    """What was heard of a network, and when."""

    stage: object
    since: float
    """When it reached this stage."""
    heard: float


class RayWatch:
    """Compares what Ray and the actors of networks answer with what they answered last.

    Ray must be connected. Ray itself waits for ever for a control store that is silent, so it is
    asked in a thread, of which one may be left behind (`cluster.limits.calls_left`).
    """

    def __init__(self) -> None:
        self._home = ray.get_runtime_context().get_node_id()
        self._asked = self._answered = self._said = time.monotonic()
        self._answer: Future[Sequence[Mapping[str, Any]]] | None = None
        self._networks: dict[str, _Network] = {}

    def heard(self, label: str, stage: object) -> None:
        """Note that the actor of a network answered that it is at `stage`."""
        now = time.monotonic()
        known = self._networks.get(label)
        since = known.since if known is not None and known.stage == stage else now
        self._networks[label] = _Network(stage=stage, since=since, heard=now)

    def gone(self, label: str) -> None:
        """Note that a network is done, or that its actor died and may be started again."""
        self._networks.pop(label, None)

    def look(self) -> None:
        """Say which networks stay where they are; to be called often, it never waits.

        Raises
        ------
        ClusterError
            When Ray or an actor is silent for too long, or Ray has given up the node of this run.
        """
        now = time.monotonic()
        if self._answer is not None and self._answer.done():
            answer, self._answer = self._answer, None
            self._learn(answer.result())
        elif self._answer is None and now - self._asked > LOOK_SECONDS:
            self._asked, self._answer = now, call_aside(ray.nodes)
        silent = now - self._answered
        if silent > SILENT_SECONDS:
            raise ClusterError(
                f"Expected Ray's control store (gcs_server) to answer. Got nothing for "
                f"{silent:.0f} s. {ADVICE}"
            )
        self._look_at_networks(now)

    def confirm(self) -> None:
        """Ask Ray now; to be called before the death of an actor is blamed on its network.

        Raises
        ------
        ClusterError
            When Ray does not answer, or has given up the node of this run and all that it started.
        """
        self._learn(answer_of(ray.nodes, SILENT_SECONDS))

    def _learn(self, nodes: Sequence[Mapping[str, Any]]) -> None:
        self._answered = time.monotonic()
        if not any(node["NodeID"] == self._home and node["Alive"] for node in nodes):
            raise ClusterError(
                "Expected Ray's node manager (raylet) on the node of this run to answer. Got "
                "silence, so that Ray has given up the node and ended its actors. Was the machine "
                f"overloaded, or the process killed or stopped? {ADVICE}"
            )

    def _look_at_networks(self, now: float) -> None:
        silent = {
            label: network
            for label, network in self._networks.items()
            if now - network.heard > ACTOR_SECONDS
        }
        if silent:
            raise ClusterError(
                f"Expected the actors of networks to answer. Got nothing from {_words(silent, now)}"
                f". Do they wait for a disk, or were they stopped? {ADVICE}"
            )
        still = {
            label: network
            for label, network in self._networks.items()
            if now - network.since > SAY_SECONDS
        }
        if still and now - self._said > SAY_SECONDS:
            self._said = now
            log.warning("Nothing moves: %s", _words(still, now))


def _words(networks: Mapping[str, _Network], now: float) -> str:
    shown = [
        f"{label} for {now - network.since:.0f} s (its actor last answered "
        f"{now - network.heard:.0f} s ago)"
        for label, network in list(networks.items())[:SHOWN]
    ]
    more = f" and {len(networks) - SHOWN} more" if len(networks) > SHOWN else ""
    return ", ".join(shown) + more
