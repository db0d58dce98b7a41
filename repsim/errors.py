"""Every error that repsim raises on purpose, and the exit code that the command gives it.

    RepsimError                1   an internal error that we could name
    ├── StudyError             2   the study file, an option or a name in it is wrong
    ├── InputError             2   arrays or files that were handed in cannot be used
    ├── TrainingError          3   one network could not be trained; the others go on
    │   └── CaptureError       3   some layers of a network could not be captured; the others were
    ├── StoreError             4   the store cannot be reached or written
    ├── ClusterError           4   Ray or Dask cannot be reached
    ├── OutputError            4   what a command prints cannot be written
    ├── IntegrityError         5   something in the store is not what its marker says
    ├── ActiveRunError         6   another run of the same study is active
    └── PreemptedError        75   stopped from outside; everything finished is kept

A message reads: what was expected, what was got, what exists, what to do.
"""

import difflib
from collections.abc import Iterable, Mapping

__all__ = [
    "ActiveRunError",
    "CaptureError",
    "CautionWarning",
    "ClusterError",
    "InputError",
    "IntegrityError",
    "OutputError",
    "PreemptedError",
    "RepsimError",
    "StoreError",
    "StudyError",
    "TrainingError",
    "unknown_name",
]

LONGEST_NAME = 100


class RepsimError(Exception):
    """Base of every error that repsim raises on purpose."""

    exit_code = 1


class CautionWarning(UserWarning):
    """What to know before relying on a number that was computed."""


class StudyError(RepsimError, ValueError):
    """The study file, an option, or a name in it is wrong."""

    exit_code = 2


class InputError(RepsimError, ValueError):
    """Arrays or files that were handed in cannot be used."""

    exit_code = 2


class TrainingError(RepsimError):
    """One network could not be trained (for example, its loss stopped being finite)."""

    exit_code = 3


class CaptureError(TrainingError):
    """Some layers of a network could not be captured; its other layers were.

    Parameters
    ----------
    artifacts
        Why, for the activations of each of those layers, as ``activations/key``.
    """

    def __init__(self, artifacts: Mapping[str, str]) -> None:
        super().__init__(" ".join(artifacts.values()))
        self.artifacts = dict(artifacts)

    def __reduce__(self) -> tuple[type["CaptureError"], tuple[dict[str, str]]]:
        return type(self), (self.artifacts,)


class StoreError(RepsimError, OSError):
    """The store cannot be reached or written."""

    exit_code = 4


class ClusterError(RepsimError):
    """Ray or Dask cannot be reached, or lost its workers."""

    exit_code = 4


class OutputError(RepsimError):
    """What a command prints cannot be written: the disk is full, or nobody reads it."""

    exit_code = 4


class IntegrityError(RepsimError):
    """Something in the store is not what its marker says it is.

    Parameters
    ----------
    message
        What was expected, what was got, what to do.
    artifact
        The damaged artifact, ``kind/key``, where it is one: a run removes it and makes it again.
    """

    exit_code = 5

    def __init__(self, message: str, artifact: str = "") -> None:
        super().__init__(message)
        self.artifact = artifact

    def __reduce__(self) -> tuple[type["IntegrityError"], tuple[str, str]]:
        return type(self), (str(self), self.artifact)


class ActiveRunError(RepsimError):
    """Another run of the same study is active."""

    exit_code = 6


class PreemptedError(RepsimError):
    """The run was stopped from outside; everything that was finished is kept."""

    exit_code = 75


def unknown_name(what: str, got: str, known: Iterable[str]) -> str:
    """Message for a name that is not known, with the nearest known one first.

    >>> unknown_name("model", "vg16", ["vgg16", "vgg11"])
    "Expected a known model. Got 'vg16'. Did you mean 'vgg16'? Known: vgg11, vgg16."
    """
    names = sorted(set(known))
    near = difflib.get_close_matches(got, names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    listing = ", ".join(names) if names else "none"
    shown = got if len(got) <= LONGEST_NAME else f"{got[:LONGEST_NAME]}..."
    return f"Expected a known {what}. Got {shown!r}.{hint} Known: {listing}."
