"""The store: the only state of a study. Publish last, one writer per file, verify on reading."""

from repsim.store.activations import Activations, ActivationWriter, examples_per_file
from repsim.store.artifact import Artifact, Draft, Marker, Part, artifact_key, conditions, markers
from repsim.store.checkpoints import Checkpoints
from repsim.store.location import Store
from repsim.store.lock import run_lock

__all__ = [
    "ActivationWriter",
    "Activations",
    "Artifact",
    "Checkpoints",
    "Draft",
    "Marker",
    "Part",
    "Store",
    "artifact_key",
    "conditions",
    "examples_per_file",
    "markers",
    "run_lock",
]
