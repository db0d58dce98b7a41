"""The store: the only state of a study. Publish last, one writer per file, verify on reading."""

from repsim.store.activations import Activations, ActivationWriter, examples_per_file
from repsim.store.artifact import (
    Artifact,
    Draft,
    Marker,
    Part,
    artifact_folder,
    artifact_key,
    conditions,
    markers,
    published,
)
from repsim.store.checkpoints import Checkpoints
from repsim.store.chunks import absent_chunks
from repsim.store.location import Store
from repsim.store.lock import run_lock
from repsim.store.traffic import Traffic, counted

__all__ = [
    "ActivationWriter",
    "Activations",
    "Artifact",
    "Checkpoints",
    "Draft",
    "Marker",
    "Part",
    "Store",
    "Traffic",
    "absent_chunks",
    "artifact_folder",
    "artifact_key",
    "conditions",
    "counted",
    "examples_per_file",
    "markers",
    "published",
    "run_lock",
]
