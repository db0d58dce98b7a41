"""A split whose images stay in memory: kept once, moved to a device once, augmented there."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, Num
from torch.nn import functional

from repsim.data.draws import Purpose, generator
from repsim.data.source import UNKNOWN, Augmentation, Split, check_examples, check_indices
from repsim.errors import StudyError

__all__ = ["Normalisation", "ResidentSplit", "ShiftAndFlip", "checked_labels"]


@dataclass(frozen=True, kw_only=True)
class Normalisation:
    """Mean and standard deviation per channel, of pixels scaled to 0..1 where they are bytes."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __str__(self) -> str:
        return f"normalised by mean {self.mean} and std {self.std}"

    def apply(self, images: Num[torch.Tensor, "b c h w"]) -> Float[torch.Tensor, "b c h w"]:
        """Normalised float32 images, on the device of `images`."""
        pixels = images.to(torch.float32)
        if images.dtype == torch.uint8:
            pixels = pixels / 255
        mean = torch.tensor(self.mean, device=images.device).view(1, -1, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(1, -1, 1, 1)
        return (pixels - mean) / std


@dataclass(frozen=True, kw_only=True)
class ShiftAndFlip:
    """Random crop of the image padded with zeros, and a random mirror image."""

    padding: int = 0
    """Pixels added at each side: the image is shifted by -padding to +padding."""
    flip: bool = False

    def __str__(self) -> str:
        mirrored = "random horizontal flip" if self.flip else "no flip"
        return f"augmented by random crop with padding {self.padding}, {mirrored}"

    def draws(self, augmentation: Augmentation, count: int) -> np.ndarray:
        """Row, column and flip of every example of a split, int64 (count, 3)."""
        source = generator(augmentation.seed, Purpose.AUGMENTATION, augmentation.epoch)
        shifts = source.integers(0, 2 * self.padding, size=(count, 2), endpoint=True)
        flips = source.integers(0, int(self.flip), size=(count, 1), endpoint=True)
        return np.hstack([shifts, flips])

    def apply(
        self, images: Num[torch.Tensor, "b c h w"], draws: Int[torch.Tensor, "b 3"]
    ) -> Num[torch.Tensor, "b c h w"]:
        """Shift and mirror each image by its own draw, all at once."""
        count, channels, height, width = images.shape
        padded = functional.pad(images, (self.padding,) * 4)
        rows = torch.arange(height, device=images.device) + draws[:, :1]
        across = torch.arange(width, device=images.device).expand(count, width)
        across = torch.where(draws[:, 2:] == 1, across.flip(1), across) + draws[:, 1:2]
        return padded[
            torch.arange(count, device=images.device).view(-1, 1, 1, 1),
            torch.arange(channels, device=images.device).view(1, -1, 1, 1),
            rows.view(count, 1, height, 1),
            across.view(count, 1, 1, width),
        ]


class ResidentSplit(Split):
    """Images in memory, uint8 or float32.

    Parameters
    ----------
    ids
        n ids, each once.
    images
        uint8 or float (n, c, h, w). Floats are kept as float32.
    labels
        Integers (n,), from 0 to classes - 1; None where they are not known.
    where
        Words for the messages, such as ``"train split of 'digits'"``.

    Raises
    ------
    StudyError
        The arrays are not of these types and shapes, do not fit together, or hold a NaN.
    """

    def __init__(
        self,
        *,
        ids: Sequence[str],
        images: np.ndarray,
        labels: np.ndarray | None,
        classes: int,
        normalisation: Normalisation,
        augmenter: ShiftAndFlip,
        where: str,
    ) -> None:
        self.ids = tuple(ids)
        self._images = _checked_images(images, where)
        unknown = np.full(len(self._images), UNKNOWN, np.int64)
        self.labels = unknown if labels is None else checked_labels(labels, where)
        if len(self._images) != len(self.labels):
            raise StudyError(
                f"Expected one label per image in the {where}. "
                f"Got {len(self._images)} images and {len(self.labels)} labels."
            )
        if labels is not None and not self.labelled and len(self.labels):
            raise StudyError(
                f"Expected labels from 0 to {classes - 1} in the {where}. Got {UNKNOWN} "
                "throughout. Where those of the test split are not known, give None."
            )
        check_examples(self.ids, self.labels, classes, where)
        self._normalisation = normalisation
        self._augmenter = augmenter
        self._on_device: dict[torch.device, tuple[torch.Tensor, torch.Tensor]] = {}

    def batches(
        self,
        indices: np.ndarray,
        *,
        batch_size: int,
        augmentation: Augmentation | None,
        device: torch.device,
        workers: int = 0,  # noqa: ARG002 - nothing is left to decode
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Images and labels on `device`, in the order of `indices`; see `Split.batches`."""
        chosen = check_indices(indices, len(self))
        images, labels = self._resident(device)
        # One transfer per call, not per batch: small networks would wait for each.
        order = torch.from_numpy(chosen).to(device)
        draws = None
        if augmentation is not None:
            table = self._augmenter.draws(augmentation, len(self))[chosen]
            draws = torch.from_numpy(table).to(device)
        return self._batches(images, labels, order, draws, batch_size)

    def _batches(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        order: torch.Tensor,
        draws: torch.Tensor | None,
        batch_size: int,
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            pixels = images[batch]
            if draws is not None:
                pixels = self._augmenter.apply(pixels, draws[start : start + batch_size])
            yield self._normalisation.apply(pixels), labels[batch]

    def _resident(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        if device not in self._on_device:
            images = torch.from_numpy(self._images).to(device)
            self._on_device[device] = (images, torch.from_numpy(self.labels).to(device))
        return self._on_device[device]

    def content_digest(self) -> str:
        """Sha256 (hex) of ids, labels, and the images byte by byte."""
        if type(self).batches is not ResidentSplit.batches:
            return super().content_digest()  # what is in memory is not what is given
        digest = hashlib.sha256(self._names_digest().encode())
        digest.update(f"{self._images.dtype} {self._images.shape}".encode())
        little_endian = self._images.dtype.newbyteorder("<")
        digest.update(self._images.astype(little_endian, copy=False).data)
        return digest.hexdigest()


def checked_labels(labels: np.ndarray, where: str) -> np.ndarray:
    """Labels as int64 (n,); StudyError, with what to do, where they are no class numbers."""
    labels = np.asarray(labels)
    hint = ""
    if labels.ndim == 2:
        one = labels.shape[1] == 1
        hint = " Give labels[:, 0]." if one else " Of one-hot labels, give labels.argmax(axis=1)."
    elif labels.ndim == 1 and labels.size and labels.dtype.kind not in "iu":
        hint = " If they are numbers of classes, give labels.astype(int)."
    if labels.ndim != 1 or hint:
        raise StudyError(
            f"Expected integer labels of shape (n,) in the {where}. "
            f"Got {labels.dtype} of shape {labels.shape}.{hint}"
        )
    return labels.astype(np.int64)


def _checked_images(images: np.ndarray, where: str) -> np.ndarray:
    images = np.asarray(images)
    if images.ndim != 4 or (images.dtype != np.uint8 and images.dtype.kind != "f"):
        raise StudyError(
            f"Expected uint8 or float images of shape (n, channels, height, width) in the {where}. "
            f"Got {images.dtype} of shape {images.shape}."
        )
    if images.dtype == np.uint8:
        return np.array(images, order="C")
    images = np.array(images, dtype=np.float32, order="C")
    if not np.isfinite(images).all():
        raise StudyError(f"Expected finite pixels in the {where}. Got NaN or infinity.")
    return images
