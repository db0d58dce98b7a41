"""What the targets of a split have to be: classes, numbers, or the next tokens of sequences."""

from typing import TYPE_CHECKING

import numpy as np

from repsim.errors import StudyError
from repsim.inputs import InputSpec
from repsim.objective import PADDING

if TYPE_CHECKING:
    from repsim.data.source import Split

__all__ = ["check_targets"]


def check_targets(
    split: "Split", classes: int | None, where: str, *, inputs: InputSpec | None = None
) -> None:
    """Refuse a split that is empty, or whose targets are no classes, finite numbers or tokens."""
    targets = getattr(split, "targets", None)
    if (
        inputs is not None
        and inputs.vocabulary is not None
        and isinstance(targets, np.ndarray)
        and targets.dtype == np.int64
        and targets.ndim == 2
    ):
        _check_tokens(targets, inputs, where)
        return
    kinds = {1: np.int64, 2: np.float32}
    if not isinstance(targets, np.ndarray) or kinds.get(targets.ndim) != targets.dtype:
        got = (
            f"{targets.dtype} of shape {targets.shape}"
            if isinstance(targets, np.ndarray)
            else (type(targets).__name__)
        )
        raise StudyError(
            f"Expected `targets` of the {where}: int64 (n,), the class of each example, or float32 "
            "(n, outputs), numbers, which are np.empty((n, 0), np.float32) where they are not "
            f"known. Got {got}."
        )
    if len(targets) == 0:
        raise StudyError(f"Expected at least one example in the {where}. Got none.")
    if targets.ndim == 2:
        if not np.isfinite(targets).all():
            raise StudyError(f"Expected finite targets in the {where}. Got NaN or infinity.")
        if targets.size and classes is not None:
            raise StudyError(
                f"Expected no number of classes for targets that are numbers, in the {where}. "
                f"Got {classes}. Give labels as integers (n,), or leave out the classes."
            )
        return
    if classes is None:
        raise StudyError(
            f"Expected the number of classes for the labels of the {where}. Got none: give classes."
        )
    low, high = int(targets.min()), int(targets.max())
    if low < 0 or high >= classes:
        raise StudyError(
            f"Expected labels from 0 to {classes - 1} in the {where}. Got {low} to {high}. "
            "Number the classes from 0, or give the number of classes."
        )


def _check_tokens(targets: np.ndarray, inputs: InputSpec, where: str) -> None:
    assert inputs.vocabulary is not None
    if not len(targets) or targets.shape[1:] != inputs.shape:
        raise StudyError(
            f"Expected a next token for each token of {inputs} in the {where}. Got targets of "
            f"shape {targets.shape}."
        )
    low, high = int(targets.min()), int(targets.max())
    if low < PADDING or high >= inputs.vocabulary:
        raise StudyError(
            f"Expected next tokens from 0 to {inputs.vocabulary - 1}, or {PADDING} after the end "
            f"of a sequence, in the {where}. Got {low} to {high}."
        )
    if not (targets != PADDING).any(axis=1).all():
        raise StudyError(
            f"Expected at least one next token in each sequence of the {where}. Got none in "
            f"example {int(np.argmin((targets != PADDING).any(axis=1)))}."
        )
