"""A tracker of one's own, as CONTRIBUTING has it: it keeps what it is given."""

from collections.abc import Mapping

from workflows.trackers import Results, TrackedNetwork, TrackedStudy

MADE: list["Recorder"] = []


class Recorder:
    def __init__(self, study: TrackedStudy) -> None:
        self.study = study
        self.logged: list[tuple[str, int, dict[str, float]]] = []
        self.ended: list[tuple[str, bool]] = []
        self.found: list[Results] = []
        self.before: dict[str, int] = {}
        self.closed = False
        MADE.append(self)

    def last_epoch(self, network: TrackedNetwork) -> int:
        return self.before.get(network.label, 0)

    def epochs(self, network: TrackedNetwork, epochs: Mapping[int, Mapping[str, float]]) -> None:
        self.logged += [(network.label, epoch, dict(values)) for epoch, values in epochs.items()]

    def finish(self, network: TrackedNetwork, *, failed: bool) -> None:
        self.ended.append((network.label, failed))

    def results(self, results: Results) -> None:
        self.found.append(results)

    def close(self) -> None:
        self.closed = True

    @property
    def steps(self) -> list[tuple[str, int]]:
        return [(label, epoch) for label, epoch, _ in self.logged]


class Away(Recorder):
    """A tracker whose server is away."""

    def epochs(self, network: TrackedNetwork, epochs: Mapping[int, Mapping[str, float]]) -> None:
        raise ConnectionError("no route to the server\nof the tracker")


class Incomplete:
    def close(self) -> None:
        pass
