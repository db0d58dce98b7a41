"""Passes over one stage of a study alone, as the jobs of a batch system make them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from repsim.errors import CaptureError, StudyError, TrainingError
from repsim.tasks.specs import TileSpec
from workflows.comparisons import Compared, Comparison
from workflows.networks import NetworkWork, Prepared
from workflows.one_pass import Pass
from workflows.summary import job_failures

__all__ = ["MatchingPass", "NetworksPass", "ReportPass", "network_numbers"]

UNKNOWN = "its job was killed or has not ended. See its log, and submit the study again."


def network_numbers(text: str, count: int) -> tuple[int, ...]:
    """The numbers in ``0-3,7``, of `count` networks that are counted from 0.

    Raises
    ------
    StudyError
        When it is not of this form, or a number is of no network.

    Examples
    --------
    >>> network_numbers("0-2,7", 8)
    (0, 1, 2, 7)
    """
    numbers: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, -1)
        if first > last or last >= count:
            raise StudyError(
                f"Expected numbers of networks from 0 to {count - 1}, as in 0-3,7. Got {text!r}."
            )
        numbers.update(range(first, last + 1))
    return tuple(sorted(numbers))


@dataclass
class NetworksPass(Pass):
    """Trains and captures some networks; compares nothing and writes no report."""

    numbers: tuple[int, ...] = ()

    def make(self) -> None:
        """The networks, with all that the study needs of them."""
        missing: list[Comparison] = [
            *self._missing(self.plan.comparisons),
            *self._missing(self.plan.across),
        ]
        wanted = {self.plan.networks[number].key for number in self.numbers}
        work = [item for item in self._network_work(missing) if item.network.key in wanted]
        absent = self._absent(work, [])
        self._prepare(work, [])
        self.summary.bytes_written += self._published_bytes(absent)


@dataclass
class MatchingPass(Pass):
    """Compares the networks that are there, and writes the report; trains none."""

    def _prepared(self, work: list[NetworkWork]) -> Iterator[Prepared]:
        reasons = job_failures(self.store, self.plan.study.name)
        for item in work:
            label = item.network.label
            if item.trained and label not in reasons:
                absent = f"Expected activations of this layer. Got none: {UNKNOWN}"
                layers = {spec.layer: reasons.get(spec.label, absent) for spec in item.layers}
                yield Prepared(network=item.network, error=CaptureError(layers))
                continue
            problem = TrainingError(
                "Expected a network that is trained and captured. "
                f"Got none: {reasons.get(label, UNKNOWN)}"
            )
            yield Prepared(network=item.network, error=problem)


@dataclass
class ReportPass(MatchingPass):
    """Writes the report of what there is; trains and compares nothing."""

    def _compared(self, missing: list[Comparison]) -> Iterator[Compared]:
        if not missing:
            return
        while (work := self.ready.get()) is not None:
            for spec in work.comparisons if isinstance(work, TileSpec) else (work,):
                problem = TrainingError(f"Expected rows of this comparison. Got none: {UNKNOWN}")
                yield Compared(comparison=spec, error=problem)
