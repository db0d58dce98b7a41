"""What a study changes in any data set: fewer examples, random labels, permuted pixels.

The changes are drawn once, from a seed of their own, and are the same for every network.
Source: C. Zhang et al., "Understanding deep learning requires rethinking generalization", 2017.
"""

import hashlib
import json
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
from repsim.options import StrictOptions

__all__ = ["RandomLabels", "Transform", "TransformedSplit"]


class RandomLabels(StrictOptions):
    """The training labels that are random, and how they are drawn."""

    share: float = Field(ge=0, le=1, description="share of the training examples")
    method: Literal["permuted", "uniform"] = Field(
        default="permuted",
        description="permuted among the examples, or drawn from all classes alike",
    )

    def drawn(self, labels: np.ndarray, classes: int, seed: int) -> np.ndarray:
        """Labels (n,) of which a random share is replaced."""
        source = generator(seed, Purpose.RANDOM_LABELS)
        chosen = source.permutation(len(labels))[: round(self.share * len(labels))]
        drawn = labels.copy()
        if self.method == "permuted":
            drawn[chosen] = labels[source.permutation(chosen)]
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
        default=False, description="one permutation of the pixels, the same for all images"
    )
    transform_seed: int = Field(
        default=0, ge=0, description="draws the examples, the labels, and the permutation"
    )

    def apply(self, source: DataSource) -> DataSource:
        """Return the transformed data; `source` itself where nothing changes.

        Raises
        ------
        StudyError
            There are fewer examples than asked for.
        """
        rows = self._rows(len(source.train), source.name)
        labels = self.random_labels.drawn(
            source.train.labels[rows], source.classes, self.transform_seed
        )
        pixels = self._pixels(source.image_shape[1] * source.image_shape[2])
        train = _transformed(source.train, rows, labels, pixels)
        test = _transformed(source.test, np.arange(len(source.test)), source.test.labels, pixels)
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

    def _pixels(self, count: int) -> np.ndarray | None:
        """Of each place of an image, the place that its pixel comes from; None where it stays."""
        if not self.permute_pixels:
            return None
        pixels = generator(self.transform_seed, Purpose.PIXELS).permutation(count)
        return None if np.array_equal(pixels, np.arange(count)) else pixels


def _transformed(
    split: Split, rows: np.ndarray, labels: np.ndarray, pixels: np.ndarray | None
) -> Split:
    relabelled = not np.array_equal(labels, split.labels[rows])
    if len(rows) == len(split) and not relabelled and pixels is None:
        return split
    return TransformedSplit(split, rows=rows, labels=labels if relabelled else None, pixels=pixels)


class TransformedSplit(Split):
    """Some examples of a split, perhaps with other labels or permuted pixels.

    Augmentation is that of the whole split: an example is drawn the same in every subset.

    Parameters
    ----------
    split
        Where images, ids and true labels come from.
    rows
        int64 (n,), positions in `split`.
    labels
        int64 (n,), in place of the true ones; None for the true ones.
    pixels
        int64 (height * width,): of each place of an image, the place that its pixel comes from,
        after augmentation and normalisation; None where they stay.
    """

    def __init__(
        self,
        split: Split,
        *,
        rows: np.ndarray,
        labels: np.ndarray | None = None,
        pixels: np.ndarray | None = None,
    ) -> None:
        self._split = split
        self._rows = rows
        self._new_labels = labels
        self._pixels = pixels
        self.ids = tuple(split.ids[row] for row in rows)
        self.labels = split.labels[rows] if labels is None else labels
        self.decodes = split.decodes

    @property
    def true_labels(self) -> np.ndarray:
        """int64 (n,); the class of each example, also where it is trained on a random label."""
        labels: np.ndarray = self._split.true_labels[self._rows]
        return labels

    def batches(
        self,
        indices: np.ndarray,
        *,
        batch_size: int,
        augmentation: Augmentation | None,
        device: torch.device,
        workers: int = 0,
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Images and labels on `device`, in the order of `indices`; see `Split.batches`."""
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
        new_labels = pixels = None
        if self._new_labels is not None:
            new_labels = torch.from_numpy(self._new_labels[chosen]).to(device)
        if self._pixels is not None:
            pixels = torch.from_numpy(self._pixels).to(device)
        start = 0
        for images, labels in batches:
            stop = start + len(images)
            yield (
                images if pixels is None else _permuted(images, pixels),
                labels if new_labels is None else new_labels[start:stop],
            )
            start = stop

    def content_digest(self) -> str:
        """Sha256 (hex) of the digest of the whole split, and of what is changed in it."""
        changes = [
            None if change is None else hashlib.sha256(change.astype("<i8").tobytes()).hexdigest()
            for change in (self._rows, self._new_labels, self._pixels)
        ]
        return hashlib.sha256(
            json.dumps([self._split.content_digest(), *changes]).encode()
        ).hexdigest()


def _permuted(
    images: Num[torch.Tensor, "b c h w"], pixels: torch.Tensor
) -> Num[torch.Tensor, "b c h w"]:
    return images.flatten(2).index_select(2, pixels).reshape(images.shape)
