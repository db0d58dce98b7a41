"""What a run did, for people and for batch systems."""

import json
from dataclasses import asdict, dataclass, field

from pydantic import TypeAdapter, ValidationError

from repsim.store import Store

__all__ = ["RunSummary", "forget_jobs", "job_failures", "read_summary", "write_summary"]


@dataclass
class RunSummary:
    """What is written to ``studies/<name>/run-summary.json`` however a run ends."""

    study: str = ""
    exit_code: int = 0
    error: str = ""
    """Why the run as a whole ended early; empty where it did not."""
    networks_made: int = 0
    comparisons_made: int = 0
    already_there: int = 0
    """Comparisons that were in the store before."""
    report_made: bool = False
    failures: dict[str, str] = field(default_factory=dict)
    """Why a network, a layer of one or a comparison is missing, by its label."""
    repaired: list[str] = field(default_factory=list)
    """Artifacts that were damaged, and were removed to be made again."""
    accepted_code: list[str] = field(default_factory=list)
    """On networks of earlier code that are kept, as the study says."""
    bytes_written: int = 0
    """Size of the artifacts that this run published."""
    seconds: float = 0.0
    report: str = ""

    @property
    def did_nothing(self) -> bool:
        """Whether everything was there before: nothing was made, and nothing failed."""
        made = self.networks_made or self.comparisons_made or self.report_made
        return not (made or self.failures)


def write_summary(store: Store, summary: RunSummary, job: str = "") -> None:
    """Put the summary beside the report; of a job that made some networks, where jobs have theirs.

    What all jobs did is in the summary of the run that finds their networks: it replaces theirs.
    """
    content = json.dumps(asdict(summary), indent=2).encode()
    path = f"{_jobs_path(summary.study)}/{job}.json" if job else _path(summary.study)
    store.write(path, content)


def job_failures(store: Store, study: str) -> dict[str, str]:
    """Why networks failed in the jobs that were to make them, by label."""
    failures: dict[str, str] = {}
    for path in _job_summaries(store, study):
        summary = _read(store, path)
        if summary is not None:
            failures |= summary.failures
    return failures


def forget_jobs(store: Store, study: str) -> None:
    """Remove what jobs said."""
    for path in _job_summaries(store, study):
        store.delete(path)


def read_summary(store: Store, study: str) -> RunSummary | None:
    """The summary of the last run; None where there is none that can be read."""
    return _read(store, _path(study))


def _read(store: Store, path: str) -> RunSummary | None:
    content = store.read(path)
    if content is None:
        return None
    try:
        return TypeAdapter(RunSummary).validate_json(content)
    except ValidationError:
        return None  # a convenience: the artifacts are what counts


def _job_summaries(store: Store, study: str) -> list[str]:
    return [path for path in store.sizes(_jobs_path(study)) if path.endswith(".json")]


def _jobs_path(study: str) -> str:
    return f"studies/{study}/jobs"


def _path(study: str) -> str:
    return f"studies/{study}/run-summary.json"
