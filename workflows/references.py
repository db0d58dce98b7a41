"""What a study refers to: written by every run before it makes anything, read by `repsim gc`.

``studies/<name>/keys.json``. A study is what was run last under its name; a study whose folder is
deleted refers to nothing.
"""

from collections.abc import Iterator
from itertools import takewhile
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from repsim.errors import IntegrityError
from repsim.store import Store
from repsim.study import canonical_json, digest
from repsim.tasks.graph import comparison_steps
from repsim.tasks.simple import find_simple, join_simple
from repsim.tasks.specs import ComparisonSpec, StudyPlan

__all__ = [
    "KINDS",
    "References",
    "read_references",
    "record_references",
    "referenced_keys",
    "references_path",
]

# The kinds of artifacts, and checkpoints: nothing else in a store is ever called garbage.
KINDS = (
    *("networks", "checkpoints", "activations", "moments", "factors", "profiles", "simple"),
    "matches",
)

Key = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class References(BaseModel):
    """What one study refers to."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    version: Literal[1] = 1
    keys: dict[str, list[Key]]
    """By kind: everything that the study is made of."""
    parts: dict[str, list[Key]]
    """By ``kind/key`` of a whole: what it is put together from, of use until it is there."""
    checksum: str = ""

    def expected_checksum(self) -> str:
        """Digest of everything else: a flipped bit must not remove a network."""
        return digest(self.model_dump(exclude={"checksum"}))


def referenced_keys(plan: StudyPlan) -> References:
    """What the study refers to, made or not."""
    keys: dict[str, list[str]] = {kind: [] for kind in KINDS}
    parts: dict[str, list[str]] = {}
    keys["networks"] = keys["checkpoints"] = [spec.key for spec in plan.networks]
    keys["activations"] = [layer.key for group in plan.layers.values() for layer in group]
    for spec in plan.comparisons:
        keys["profiles"].append(spec.profile_key)
        keys["factors"].append(spec.moments_key)
        keys["matches"].append(spec.key)
        for kind, whole, pieces in _assembled(spec):
            keys[kind].append(whole)
            if pieces:
                parts[f"{kind}/{whole}"] = pieces
    references = References(
        keys={kind: sorted(set(listed)) for kind, listed in keys.items()}, parts=parts
    )
    return references.model_copy(update={"checksum": references.expected_checksum()})


def _assembled(spec: ComparisonSpec) -> Iterator[tuple[str, str, list[str]]]:
    """Kind, key and parts of what a comparison puts together: moments, simple matches."""
    steps = comparison_steps("", spec)
    *sums, whole = takewhile(lambda step: step.name != "profile", steps)
    yield "moments", whole.name, [step.name for step in sums]
    pieces: list[str] = []
    for step in steps:
        if step.function is find_simple:
            pieces.append(step.name)
        elif step.function is join_simple:
            yield "simple", step.name, pieces
            pieces = []


def record_references(store: Store, plan: StudyPlan) -> None:
    """Write what the study refers to, unless that is what is written already.

    A run calls it with its lock held, before it makes anything.
    """
    content = canonical_json(referenced_keys(plan).model_dump()).encode()
    path = references_path(plan.study.name)
    if store.read(path) != content:
        store.write(path, content)


def read_references(store: Store, study: str) -> References:
    """What the study refers to, as its last run has written it.

    Raises
    ------
    IntegrityError
        When it cannot be known.
    """
    path = references_path(study)
    content = store.read(path)
    got = "nothing"
    if content is not None:
        try:
            references = References.model_validate_json(content)
        except ValidationError:
            got = "something that cannot be read"
        else:
            if references.checksum == references.expected_checksum():
                return references
            got = "a file that was changed (its checksum differs)"
    raise IntegrityError(
        f"Expected {path} in the store {store.location}: what the study {study!r} refers to. Got "
        f"{got}. Nothing is removed. Run the study again, which writes that file, or delete the "
        f"folder studies/{study} if its results are no longer wanted."
    )


def references_path(study: str) -> str:
    """Where a study writes what it refers to."""
    return f"studies/{study}/keys.json"
