"""A tracker in a thread of its own: one that is slow or away costs the study nothing."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from queue import SimpleQueue
from typing import Any

from repsim.errors import IntegrityError
from repsim.graph import NetworkProgress
from repsim.stages.networks import NetworkSpec
from repsim.store import Store, published
from workflows.trackers.tracker import Results, TrackedNetwork, TrackedStudy, Tracker
from workflows.trained import settings_of

__all__ = ["Background"]

log = logging.getLogger("repsim")

# How long the end of a run waits for what is still to be logged.
CLOSE_SECONDS = 30.0

REST = "What is missing there is logged from the store when the study is run again."


class Background:
    """Calls a tracker, in order, with what a run tells and what the store has.

    Parameters
    ----------
    name
        What the user called it.
    start
        Makes the tracker.
    study
        What it is given.
    networks
        Those of the study that are trained.
    store
        Where the histories of trained networks are.
    """

    def __init__(
        self,
        name: str,
        start: Callable[[TrackedStudy], Tracker],
        study: TrackedStudy,
        networks: dict[str, NetworkSpec],
        store: Store,
    ) -> None:
        self._name = name
        self._start = start
        self._study = study
        self._networks = networks
        self._store = store
        self._calls = SimpleQueue[Callable[[Tracker], None] | None]()
        self._failed = False
        self._last: dict[str, int] = {}
        """The last epoch that the tracker has of a network."""
        self._finished: set[str] = set()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def network(self, progress: NetworkProgress) -> None:
        """Log the new epochs of a network in training."""
        self._put(lambda tracker: self._live(tracker, progress))

    def network_done(self, label: str) -> None:
        """Log what the store has of a network, or that it failed."""
        self._put(lambda tracker: self._stored(tracker, [label], ended=True))

    def trained(self) -> None:
        """Log the history of every network that is trained, and not logged yet."""
        self._put(lambda tracker: self._stored(tracker, list(self._networks)))

    def results(self, results: Results) -> None:
        """Log what the study found."""
        self._put(lambda tracker: tracker.results(results))

    def close(self) -> None:
        """Wait until all is logged, not for long."""
        self.trained()
        self._calls.put(None)
        self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive() and not self._failed:
            self._failed = True
            log.warning(
                "Logger %s: it is too slow, or away: the run ends without it. %s", self._name, REST
            )

    def _put(self, call: Callable[[Tracker], None]) -> None:
        if not self._failed:
            self._calls.put(call)

    def _work(self) -> None:
        try:
            tracker = self._start(self._study)
            while (call := self._calls.get()) is not None:
                call(tracker)
            tracker.close()
        except Exception as problem:  # it may come from any library
            if not self._failed:
                self._failed = True
                said = " ".join(str(problem).split()) or type(problem).__name__
                log.warning("Logger %s: nothing more is logged: %s. %s", self._name, said, REST)

    def _live(self, tracker: Tracker, progress: NetworkProgress) -> None:
        spec = self._networks.get(progress.network)
        if spec is None or spec.label in self._finished:
            return
        last = self._last_epoch(tracker, spec)
        first = min((e["epoch"] for e in progress.history if e["epoch"] > last), default=last + 1)
        # Those before a checkpoint are logged with the others when the network is trained.
        if not any(spec.course.evaluates(epoch) for epoch in range(last + 1, first)):
            self._log(tracker, spec, progress.history, progress.score_name)

    def _stored(self, tracker: Tracker, labels: list[str], *, ended: bool = False) -> None:
        specs = [
            self._networks[label]
            for label in labels
            if label in self._networks.keys() - self._finished
        ]
        there = published(self._store, [spec.folder for spec in specs])
        for spec in specs:
            if spec.folder in there:
                try:
                    record = spec.record(self._store)
                except IntegrityError:
                    continue  # the run makes it again
                self._log(tracker, spec, record["history"], record["score"])
            if spec.folder in there or ended:
                tracker.finish(_tracked(spec), failed=spec.folder not in there)
                self._finished.add(spec.label)

    def _last_epoch(self, tracker: Tracker, spec: NetworkSpec) -> int:
        if spec.label not in self._last:
            self._last[spec.label] = tracker.last_epoch(_tracked(spec))
        return self._last[spec.label]

    def _log(
        self,
        tracker: Tracker,
        spec: NetworkSpec,
        history: Sequence[Mapping[str, Any]],
        score: str,
    ) -> None:
        last = self._last_epoch(tracker, spec)
        new = {e["epoch"]: _values(e, score) for e in history if e["epoch"] > last}
        if new:
            tracker.epochs(_tracked(spec), new)
            self._last[spec.label] = max(new)


def _tracked(spec: NetworkSpec) -> TrackedNetwork:
    return TrackedNetwork(
        label=spec.label, key=spec.key, settings=dict(settings_of(spec.parameters))
    )


def _values(epoch: Mapping[str, Any], score: str) -> dict[str, float]:
    """What is known of an epoch, with scores by the names that they have in the tables."""
    return {
        name.replace("_score", f"_{score}"): float(value)
        for name, value in epoch.items()
        if name != "epoch" and value is not None
    }
