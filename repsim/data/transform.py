"""What a study changes in any data set: fewer examples, random targets, permuted pixels.

The changes are drawn once, from a seed of their own, and are the same for every network.
Source: C. Zhang et al., "Understanding deep learning requires rethinking generalization", 2017.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
import torch
from jaxtyping import Num
from pydantic import BeforeValidator, Field, PositiveInt

from repsim.data.draws import Purpose, generator
from repsim.data.source import Augmentation, DataSource, Split, check_indices
from repsim.errors import StudyError
from repsim.inputs import InputSpec
from repsim.options import StrictOptions

__all__ = ["RandomLabels", "Transform", "TransformedSplit"]


class RandomLabels(StrictOptions):
    """The training labels, or other targets, that are random, and how they are drawn."""

    share: float = Field(ge=0, le=1, description="share of the training examples")
    method: Literal["permuted", "uniform"] = Field(
        default="permuted",
        description="permuted among the examples, or drawn from all classes alike",
    )

    def drawn(self, targets: np.ndarray, classes: int | None, seed: int) -> np.ndarray:
        """Targets (n, ...) of which a random share is replaced.

        Raises
        ------
        StudyError
            There are no targets, or no classes to draw from.
        """
        if not self.share:
            return targets
        if not targets.size or (targets.ndim == 2 and targets.dtype.kind == "i"):
            got = "the next tokens of a text" if targets.size else "none"
            raise StudyError(
                "Expected labels or numbers as targets of the training split for random_labels. "
                f"Got {got}. Leave the option out."
            )
        source = generator(seed, Purpose.RANDOM_LABELS)
        chosen = source.permutation(len(targets))[: round(self.share * len(targets))]
        drawn = targets.copy()
        if self.method == "permuted":
            drawn[chosen] = targets[source.permutation(chosen)]
        elif classes is None:
            raise StudyError(
                'Expected classes to draw labels from for random_labels.method = "uniform". Got '
                'targets that are numbers. Use "permuted", which permutes them among the examples.'
            )
        else:
            drawn[chosen] = source.integers(0, classes, size=len(chosen))
        return drawn


def _as_table(value: object) -> object:
    """A share by itself stands for the table that holds it."""
    return value if isinstance(value, Mapping | RandomLabels) else {"share": value}


class Transform(StrictOptions):
    """Options of every data set, beside its own."""

    examples: PositiveInt | None = Field(
        default=None, description="examples to train on, drawn from those of the training split"
    )
    random_labels: Annotated[RandomLabels, BeforeValidator(_as_table)] = Field(
        default=RandomLabels(share=0),
        description="share of the training labels that are random, or a table of share and method",
    )
    permute_pixels: bool = Field(
        default=False,
        description="one permutation of the pixels, or of the numbers of a vector, the same for "
        "all examples",
    )
    transform_seed: int = Field(
        default=0, ge=0, description="draws the examples, the labels, and the permutation"
    )

    def apply(self, source: DataSource) -> DataSource:
        """Return the transformed data; `source` itself where nothing changes.

        Raises
        ------
        StudyError
            There are fewer examples than asked for, or a change makes no sense for these data.
        """
        rows = self._rows(len(source.train), source.name)
        targets = self.random_labels.drawn(
            source.train.targets[rows], source.classes, self.transform_seed
        )
        pixels = self._pixels(source.inputs)
        train = _transformed(source.train, rows, targets, pixels)
        test = _transformed(source.test, np.arange(len(source.test)), source.test.targets, pixels)
        if train is source.train and test is source.test:
            return source
        words = "; pixels permuted" if self.permute_pixels else ""
        return replace(
            source, train=train, test=test, preprocessing=f"{source.preprocessing}{words}"
        )

    def _rows(self, count: int, name: str) -> np.ndarray:
        """Rows to train on, in the order of the split: a smaller subset is part of a larger one."""
        if self.examples is None:
            return np.arange(count)
        if self.examples > count:
            raise StudyError(
                f"Expected option 'examples' of dataset {name!r} to be at most {count}, the "
                f"examples of its training split. Got {self.examples}."
            )
        order = generator(self.transform_seed, Purpose.SUBSET).permutation(count)
        return np.sort(order[: self.examples])

    def _pixels(self, inputs: InputSpec) -> np.ndarray | None:
        """Of each place of an image, the place that its pixel comes from; None where it stays."""
        if not self.permute_pixels:
            return None
        if inputs.dtype != "float32":
            raise StudyError(
                f"Expected images or other numbers for permute_pixels. Got {inputs}, whose order "
                "is part of what they say. Leave the option out."
            )
        count = math.prod(inputs.shape[1:] if len(inputs.shape) > 1 else inputs.shape)
        pixels = generator(self.transform_seed, Purpose.PIXELS).permutation(count)
        return None if np.array_equal(pixels, np.arange(count)) else pixels


def _transformed(
    split: Split, rows: np.ndarray, targets: np.ndarray, pixels: np.ndarray | None
) -> Split:
    changed = not np.array_equal(targets, split.targets[rows])
    if len(rows) == len(split) and not changed and pixels is None:
        return split
    return TransformedSplit(split, rows=rows, targets=targets if changed else None, pixels=pixels)


class TransformedSplit(Split):
    """Some examples of a split, perhaps with other targets or permuted pixels.

    Augmentation is that of the whole split: an example is drawn the same in every subset.

    Parameters
    ----------
    split
        Where inputs, ids and true labels come from.
    rows
        int64 (n,), positions in `split`.
    targets
        int64 (n,) or float32 (n, outputs), in place of the true ones; None for the true ones.
    pixels
        int64 (places,): of each place of a channel, or of a vector, the place that its number
        comes from, after augmentation and normalisation; None where they stay.
    """

    def __init__(
        self,
        split: Split,
        *,
        rows: np.ndarray,
        targets: np.ndarray | None = None,
        pixels: np.ndarray | None = None,
    ) -> None:
        self._split = split
        self._rows = rows
        self._new_targets = targets
        self._pixels = pixels
        self.ids = tuple(split.ids[row] for row in rows)
        self.targets = split.targets[rows] if targets is None else targets
        self.decodes = split.decodes
        self.contiguous = split.contiguous and np.array_equal(rows, np.arange(len(split)))
        self.lengths = None if split.lengths is None else split.lengths[rows]

    @property
    def true_labels(self) -> np.ndarray | None:
        """int64 (n,); the class of each example, also where it is trained on a random label."""
        labels = self._split.true_labels
        return None if labels is None else labels[self._rows]

    def batches(
        self,
        indices: np.ndarray,
        *,
        batch_size: int,
        augmentation: Augmentation | None,
        device: torch.device,
        workers: int = 0,
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Inputs and targets on `device`, in the order of `indices`; see `Split.batches`."""
        chosen = check_indices(indices, len(self))
        batches = self._split.batches(
            self._rows[chosen],
            batch_size=batch_size,
            augmentation=augmentation,
            device=device,
            workers=workers,
        )
        return self._changed(batches, chosen, device)

    def _changed(
        self,
        batches: Iterator[tuple[torch.Tensor, torch.Tensor]],
        chosen: np.ndarray,
        device: torch.device,
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        # One transfer per call, not per batch: small networks would wait for each.
        new_targets = pixels = None
        if self._new_targets is not None:
            new_targets = torch.from_numpy(self._new_targets[chosen]).to(device)
        if self._pixels is not None:
            pixels = torch.from_numpy(self._pixels).to(device)
        start = 0
        for inputs, targets in batches:
            stop = start + len(inputs)
            yield (
                inputs if pixels is None else _permuted(inputs, pixels),
                targets if new_targets is None else new_targets[start:stop],
            )
            start = stop

    def content_digest(self) -> str:
        """Sha256 (hex) of the digest of the whole split, and of what is changed in it."""
        changes = [
            None
            if change is None
            else hashlib.sha256(change.astype(change.dtype.newbyteorder("<")).tobytes()).hexdigest()
            for change in (self._rows, self._new_targets, self._pixels)
        ]
        return hashlib.sha256(
            json.dumps([self._split.content_digest(), *changes]).encode()
        ).hexdigest()


def _permuted(
    inputs: Num[torch.Tensor, "b *shape"], pixels: torch.Tensor
) -> Num[torch.Tensor, "b *shape"]:
    if inputs.ndim == 2:
        return inputs.index_select(1, pixels)
    return inputs.flatten(2).index_select(2, pixels).reshape(inputs.shape)
