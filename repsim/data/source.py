"""What every dataset is to the rest of repsim: two splits, whose examples have ids."""

import abc
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from repsim.errors import InputError, StudyError, unknown_name
from repsim.text import check_utf8

if TYPE_CHECKING:
    import torch

__all__ = [
    "UNKNOWN",
    "Augmentation",
    "DataSource",
    "Split",
    "check_channels_first",
    "check_examples",
    "check_indices",
    "check_labels",
]

# In place of a label that is not known.
UNKNOWN = -1

# Examples that are read at a time to digest a split.
_DIGESTED_BATCH = 256

# Pixels. Below it, axes of 3 and 4 are as likely places as colours.
_SMALLEST_PICTURE = 8


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Seed and epoch of random augmentation.

    The draws for example i depend only on (seed, epoch, i): any batch size, number of workers, or
    restart gives the same images.
    """

    seed: int
    epoch: int


class Split(abc.ABC):
    """One split of a dataset, in a fixed order."""

    ids: tuple[str, ...]
    """Ids of the n examples, in the order of the split."""
    labels: np.ndarray
    """int64 (n,); -1 throughout where labels are not known."""
    decodes: bool = False
    """Whether images are decoded from files each time they are asked for."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def labelled(self) -> bool:
        """Whether labels are known: without, activations can be captured, but nothing trained."""
        return bool((self.labels >= 0).any())

    @property
    def true_labels(self) -> np.ndarray:
        """int64 (n,); the class of each example, also where it is trained on a random label."""
        return self.labels

    @abc.abstractmethod
    def batches(
        self,
        indices: np.ndarray,
        *,
        batch_size: int,
        augmentation: Augmentation | None,
        device: "torch.device",
        workers: int = 0,
    ) -> Iterator[tuple["torch.Tensor", "torch.Tensor"]]:
        """Images and labels on `device`, in exactly the order of `indices`.

        Parameters
        ----------
        indices
            int (m,), positions in the split.
        batch_size
            Examples per batch; the last batch may have fewer.
        augmentation
            Seed and epoch of the random augmentation; None for the images as they are.
        device
            Where the batches go.
        workers
            Processes that decode images; 0 decodes in this one. Splits held in memory ignore it.

        Yields
        ------
        tuple
            Normalised float32 images (b, c, h, w) and int64 labels (b,).

        Raises
        ------
        InputError
            An index is outside the split, or an image cannot be read.
        """

    def content_digest(self) -> str:
        """Sha256 (hex) of what the split contains; paths are no part of it.

        Of ids, labels, and every image as `batches` gives it without augmentation, bit by bit: all
        of them are read for it, in each process that loads the data. A split that knows its content
        more cheaply, or whose images are computed by what differs between processors, has a digest
        of its own.

        Raises
        ------
        StudyError
            Images that are not augmented differ from one time to the next.
        """
        every = np.arange(len(self))
        once, again = (list(self._plain_bytes(every[:_DIGESTED_BATCH])) for _ in range(2))
        if once != again:
            raise StudyError(
                f"Expected a split ({type(self).__name__}) whose batches are the same each time "
                "when augmentation is None. Got other images the second time. Draw at random only "
                "where an augmentation is given, from its seed and epoch."
            )
        digest = hashlib.sha256(self._names_digest().encode())
        for content in self._plain_bytes(every):
            digest.update(content)
        return digest.hexdigest()

    def _names_digest(self) -> str:
        """Sha256 (hex) of ids and labels."""
        digest = hashlib.sha256(json.dumps(self.ids).encode())
        digest.update(np.ascontiguousarray(self.labels, dtype="<i8").tobytes())
        return digest.hexdigest()

    def _plain_bytes(self, indices: np.ndarray) -> Iterator[bytes]:
        """Dtypes, shapes and bytes of images without augmentation, and of labels, by batch."""
        import torch

        for batch in self.batches(
            indices, batch_size=_DIGESTED_BATCH, augmentation=None, device=torch.device("cpu")
        ):
            for tensor in batch:
                if not isinstance(tensor, torch.Tensor):
                    raise StudyError(
                        f"Expected tensors of images and labels from {type(self).__name__}.batches."
                        f" Got {type(tensor).__name__}."
                    )
                yield f"{tensor.dtype} {tuple(tensor.shape)}".encode()
                yield tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes()


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """A dataset: a split to train on, and the fixed test split that activations are captured on.

    Raises
    ------
    StudyError
        A split is empty, a label is not one of the classes, the train split has no labels, or
        images have their channels last.
    """

    name: str
    classes: int
    image_shape: tuple[int, int, int]
    """(channels, height, width)"""
    train: Split
    test: Split
    preprocessing: str
    """Words that determine the pixels, given the ids."""

    def __post_init__(self) -> None:
        check_channels_first(self.image_shape, self.name)
        for name in ("train", "test"):
            split, where = self.split(name), f"{name} split of {self.name!r}"
            check_labels(split.labels, self.classes, where, needed=name == "train")

    def split(self, name: str) -> Split:
        """The split of that name, "train" or "test".

        Raises
        ------
        StudyError
            There is no such split.
        """
        if name == "train":
            return self.train
        if name == "test":
            return self.test
        raise StudyError(unknown_name(f"split of dataset {self.name!r}", name, ["train", "test"]))

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 (hex) over classes, image shape, preprocessing and the content of both splits."""
        facts = [
            self.classes,
            list(self.image_shape),
            self.preprocessing,
            self.train.content_digest(),
            self.test.content_digest(),
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def check_channels_first(image_shape: tuple[int, ...], name: str) -> None:
    """Refuse images that by their shape are (height, width, channels), as (32, 32, 3)."""
    first, second, last = image_shape
    colours = last in (3, 4) and min(first, second) >= _SMALLEST_PICTURE
    grey = last == 1 and first == second >= _SMALLEST_PICTURE
    if colours or grey:
        raise StudyError(
            f"Expected images of shape (channels, height, width) in {name!r}. Got "
            f"{tuple(image_shape)}, which is (height, width, channels): give "
            "np.moveaxis(images, -1, 1)."
        )


def check_labels(labels: np.ndarray, classes: int, where: str, *, needed: bool = True) -> None:
    """Refuse a split that is empty or has a label outside 0 .. classes - 1.

    Labels that are not `needed` may be -1 throughout, which says that they are not known.
    """
    if len(labels) == 0:
        raise StudyError(f"Expected at least one example in the {where}. Got none.")
    if labels.dtype != np.int64 or labels.ndim != 1:
        raise StudyError(
            f"Expected int64 labels of shape (n,) in the {where}. "
            f"Got {labels.dtype} of shape {labels.shape}."
        )
    low, high = int(labels.min()), int(labels.max())
    if low == high == UNKNOWN:
        if needed:
            raise StudyError(
                f"Expected labels in the {where}: networks are trained to tell classes apart. Got "
                "none. Only the test split can do without."
            )
        return
    if low < 0 or high >= classes:
        raise StudyError(
            f"Expected labels from 0 to {classes - 1} in the {where}. Got {low} to {high}. "
            "Number the classes from 0, or give the number of classes."
        )


def check_examples(ids: Sequence[str], labels: np.ndarray, classes: int, where: str) -> None:
    """Refuse a split with wrong labels, or whose ids do not name each example once, in UTF-8."""
    check_labels(labels, classes, where, needed=False)
    if len(ids) != len(labels):
        raise StudyError(
            f"Expected one id per label in the {where}. "
            f"Got {len(ids)} ids and {len(labels)} labels."
        )
    check_utf8(ids, f"ids in the {where}")
    if len(set(ids)) != len(ids):
        seen: set[str] = set()
        repeated = next(name for name in ids if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise StudyError(
            f"Expected every id once in the {where}. Got {repeated!r} more than once. "
            "Ids are how the activations of two networks are lined up."
        )


def check_indices(indices: np.ndarray, count: int) -> np.ndarray:
    """Indices as int64 (m,), refused where they are not positions of a split of `count`."""
    indices = np.asarray(indices)
    if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
        raise InputError(
            f"Expected integer indices of shape (m,). Got {indices.dtype} of shape {indices.shape}."
        )
    # A negative index would be taken from the end, and one too large stops a GPU for good.
    if indices.size and (indices.min() < 0 or indices.max() >= count):
        raise InputError(
            f"Expected indices from 0 to {count - 1}. Got {indices.min()} to {indices.max()}."
        )
    return indices.astype(np.int64)
