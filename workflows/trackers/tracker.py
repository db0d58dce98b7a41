"""What a tracker of experiments is: the methods that it has, and the values that it is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Results", "Similarity", "TrackedNetwork", "TrackedStudy", "Tracker"]


@dataclass(frozen=True, kw_only=True)
class TrackedStudy:
    """The study that is run."""

    name: str
    store: str
    """Folder or URL of the store."""
    toml: str
    """The study file, with every default filled in."""


@dataclass(frozen=True, kw_only=True)
class TrackedNetwork:
    """One network of the study: a run of its own in the tracker."""

    label: str
    """Its name in the study, such as ``seed 0``."""
    key: str
    """Digest of everything that determines the network."""
    settings: Mapping[str, object]
    """Everything that determines the network, by dotted names."""


@dataclass(frozen=True, kw_only=True)
class Similarity:
    """Mean similarity of the pairs of networks of one group, at one layer."""

    group: str
    """The variants compared; empty in a study without variants."""
    layer: str
    depth: int
    """Place of the layer in the order of execution, from 0."""
    measure: str
    epsilon: float | None
    value: float
    pairs: int

    @property
    def curve(self) -> str:
        """The measure, with its tolerance and group: a curve over the layers."""
        tolerance = "" if self.epsilon is None else f", ε={self.epsilon:g}"
        return f"{self.measure}{tolerance}" + (f"/{self.group}" if self.group else "")


@dataclass(frozen=True, kw_only=True)
class Results:
    """What a study found: a run of its own in the tracker."""

    key: str
    """Digest of what the report is made of."""
    similarities: tuple[Similarity, ...]
    files: Mapping[str, bytes]
    """The report, its figures and tables and the study file, by name with ``/``."""


class Tracker(Protocol):
    """A tracker of experiments, called from one thread.

    It is made by a call with the study, as ``MyTracker(study)``. What it raises ends the logging to
    it with one warning, and not the study.
    """

    def last_epoch(self, network: TrackedNetwork) -> int:
        """The last epoch that the tracker has of a network from earlier runs; 0 for none."""

    def epochs(self, network: TrackedNetwork, epochs: Mapping[int, Mapping[str, float]]) -> None:
        """Log epochs, counted from 1, each with its values by name; each comes once, in order."""

    def finish(self, network: TrackedNetwork, *, failed: bool) -> None:
        """No more epochs of the network follow."""

    def results(self, results: Results) -> None:
        """Log what the study found, unless an earlier run has logged these results."""

    def close(self) -> None:
        """Write what is not written yet."""
