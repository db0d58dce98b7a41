"""A split whose inputs stay in memory: kept once, moved to a device once, augmented there."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, Num
from torch.nn import functional

from repsim.data.draws import Purpose, generator
from repsim.data.source import Augmentation, Split, check_examples, check_indices
from repsim.data.targets import check_targets
from repsim.errors import StudyError

__all__ = ["Normalisation", "ResidentSplit", "ShiftAndFlip", "checked_targets"]


@dataclass(frozen=True, kw_only=True)
class Normalisation:
    """Mean and standard deviation of each channel, or of each number of a vector.

    Of what is scaled to 0..1 where it is bytes.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __str__(self) -> str:
        return f"normalised by mean {self.mean} and std {self.std}"

    def apply(self, inputs: Num[torch.Tensor, "b c *places"]) -> Float[torch.Tensor, "b c *places"]:
        """Normalised float32 inputs, on the device of `inputs`."""
        values = inputs.to(torch.float32)
        if inputs.dtype == torch.uint8:
            values = values / 255
        channels = (1, -1, *[1] * (inputs.ndim - 2))
        mean = torch.tensor(self.mean, device=inputs.device).view(channels)
        std = torch.tensor(self.std, device=inputs.device).view(channels)
        return (values - mean) / std


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
    """Inputs in memory: bytes and floats as numbers, other integers as ids.

    Parameters
    ----------
    ids
        n ids, each once.
    inputs
        uint8, float32 or int64 (n, ...).
    targets
        int64 (n,), from 0 to classes - 1, or float32 (n, outputs).
    normalisation
        None for inputs as they are.
    augmenter
        For images; None for none.
    where
        Words for the messages, such as ``"train split of 'digits'"``.

    Raises
    ------
    StudyError
        The arrays do not fit together.
    """

    def __init__(
        self,
        *,
        ids: Sequence[str],
        inputs: np.ndarray,
        targets: np.ndarray,
        classes: int | None,
        normalisation: Normalisation | None,
        augmenter: ShiftAndFlip | None,
        where: str,
    ) -> None:
        self.ids = tuple(ids)
        self._inputs = inputs
        self.targets = targets
        if len(inputs) != len(targets):
            raise StudyError(
                f"Expected one target for each input in the {where}. "
                f"Got {len(inputs)} inputs and {len(targets)} targets."
            )
        check_targets(self, classes, where)
        check_examples(self, where)
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
        """Inputs and targets on `device`, in the order of `indices`; see `Split.batches`."""
        chosen = check_indices(indices, len(self))
        inputs, targets = self._resident(device)
        # One transfer per call, not per batch: small networks would wait for each.
        order = torch.from_numpy(chosen).to(device)
        draws = None
        if augmentation is not None and self._augmenter is not None:
            table = self._augmenter.draws(augmentation, len(self))[chosen]
            draws = torch.from_numpy(table).to(device)
        return self._batches(inputs, targets, order, draws, batch_size)

    def _batches(
        self,
        inputs: torch.Tensor,
        targets: torch.Tensor,
        order: torch.Tensor,
        draws: torch.Tensor | None,
        batch_size: int,
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            values = inputs[batch]
            if draws is not None and self._augmenter is not None:
                values = self._augmenter.apply(values, draws[start : start + batch_size])
            if self._normalisation is not None:
                values = self._normalisation.apply(values)
            yield values, targets[batch]

    def _resident(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        if device not in self._on_device:
            inputs = torch.from_numpy(self._inputs).to(device)
            self._on_device[device] = (inputs, torch.from_numpy(self.targets).to(device))
        return self._on_device[device]

    def content_digest(self) -> str:
        """Sha256 (hex) of ids, targets, and the inputs byte by byte."""
        if type(self).batches is not ResidentSplit.batches:
            return super().content_digest()  # what is in memory is not what is given
        digest = hashlib.sha256(self._names_digest().encode())
        digest.update(f"{self._inputs.dtype} {self._inputs.shape}".encode())
        little_endian = self._inputs.dtype.newbyteorder("<")
        digest.update(self._inputs.astype(little_endian, copy=False).data)
        return digest.hexdigest()


def checked_targets(targets: np.ndarray, where: str) -> np.ndarray:
    """Targets as int64 (n,) or float32 (n, outputs); StudyError, with what to do, for others."""
    hint = ""
    if targets.ndim == 2 and _is_one_hot(targets):
        hint = (
            " Of one-hot labels, give labels.argmax(axis=1): "
            'training.objective = "mean_squared_error" trains on one-hot vectors.'
        )
    elif targets.ndim == 2 and targets.dtype.kind == "f":
        return np.array(targets, np.float32, order="C")
    elif targets.ndim == 2 and targets.shape[1] == 1:
        hint = " Give labels[:, 0], or numbers as targets.astype(float)."
    elif targets.ndim == 2:
        hint = " Give numbers to be predicted as targets.astype(float)."
    elif targets.ndim == 1 and targets.size and targets.dtype.kind not in "iu":
        hint = (
            " If they are numbers of classes, give labels.astype(int); if numbers to be predicted, "
            "targets[:, None]."
        )
    if targets.ndim != 1 or hint:
        raise StudyError(
            "Expected integer labels of shape (n,), or numbers of shape (n, outputs), in the "
            f"{where}. Got {targets.dtype} of shape {targets.shape}.{hint}"
        )
    if targets.size and (targets == -1).all():
        raise StudyError(
            f"Expected labels from 0 in the {where}. Got -1 throughout. Where they are not known, "
            "give None."
        )
    return targets.astype(np.int64)


def _is_one_hot(targets: np.ndarray) -> bool:
    ones = targets == 1
    return targets.shape[1] > 1 and bool(
        ((targets == 0) | ones).all() and (ones.sum(axis=1) == 1).all()
    )
