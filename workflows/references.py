"""What a study refers to: written by every run before it makes anything, read by `repsim gc`.

``studies/<name>/keys.json``. A study is what was run last under its name; a study whose folder is
deleted refers to nothing.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from repsim.errors import IntegrityError
from repsim.stages.plan import StudyPlan
from repsim.store import Store
from repsim.study import canonical_json, digest

__all__ = [
    "References",
    "read_references",
    "record_references",
    "referenced_keys",
    "references_path",
]

Key = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Folder = Annotated[str, Field(pattern="^[a-z]+/[0-9a-f]{64}$")]


class References(BaseModel):
    """What one study refers to."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    version: Literal[2] = 2
    keys: dict[str, list[Key]]
    """By kind: everything that the study is made of."""
    parts: dict[Folder, list[Folder]]
    """By ``kind/key`` of a whole: what it is made from, of use until it is there."""
    checksum: str = ""

    def expected_checksum(self) -> str:
        """Digest of everything else: a flipped bit must not remove a network."""
        return digest(self.model_dump(exclude={"checksum"}))


def referenced_keys(plan: StudyPlan) -> References:
    """What the study refers to, made or not."""
    graph = plan.graph
    keys = {
        kind: sorted(product.folder.partition("/")[2] for product in products)
        for kind, products in graph.lasting.items()
    }
    keys["checkpoints"] = keys["networks"]
    parts = {whole: list(needed) for whole, needed in graph.parts.items()}
    references = References(keys=keys, parts=parts)
    return references.model_copy(update={"checksum": references.expected_checksum()})


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
