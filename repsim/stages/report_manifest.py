"""The manifest of a report: of what it was made, its files, and where the study's artifacts are."""

from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from repsim.report import StudyFacts
from repsim.store import Store

__all__ = ["Places", "ReportManifest", "read_manifest", "report_folder", "write_manifest"]


@dataclass(frozen=True, kw_only=True)
class Places:
    """Artifacts of a network or snapshot, each as ``kind/key``; not all of them need exist."""

    weights: str
    activations: dict[str, str]
    """By layer, in order of depth."""


@dataclass(frozen=True, kw_only=True)
class ReportManifest:
    """What is written beside a report when all its files are there.

    Parameters
    ----------
    state
        Digest of what the report is made of.
    files
        Name and sha256 of each file.
    facts
        What the report states beside its tables.
    places
        By the label of a network or snapshot.
    """

    state: str
    files: dict[str, str]
    facts: StudyFacts
    places: dict[str, Places]


_FORM = TypeAdapter(ReportManifest)


def report_folder(study: str) -> str:
    """Where the report of a study is in the store."""
    return f"studies/{study}/report"


def write_manifest(store: Store, study: str, manifest: ReportManifest) -> None:
    """Put it beside the report."""
    store.write(_path(study), _FORM.dump_json(manifest, indent=2))


def read_manifest(store: Store, study: str) -> ReportManifest | None:
    """The manifest; None where there is no report, or it is damaged or of an earlier version."""
    content = store.read(_path(study))
    if content is None:
        return None
    try:
        manifest = _FORM.validate_json(content)
    except ValidationError:
        return None
    # Names lead to files: those of somebody else's making must not lead out of the report.
    return None if any(".." in name for name in manifest.files) else manifest


def _path(study: str) -> str:
    return f"studies/{study}/report.json"
