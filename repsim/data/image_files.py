"""A split of image files, decoded when their batch is asked for, in this process or in workers."""

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from repsim.data.draws import Purpose, generator
from repsim.data.pictures import check_mode, read_rgb
from repsim.data.resident import Normalisation
from repsim.data.source import Augmentation, Split, check_indices
from repsim.errors import InputError
from repsim.regular_files import never_a_file

__all__ = ["FileSplit", "Framing"]

# Szegedy et al. 2015, section 6: area and aspect ratio of the random crop.
AREA = (0.08, 1.0)
ASPECT = (3 / 4, 4 / 3)
CROP_ATTEMPTS = 10

# Bytes of a split that is read whole for its digest: seconds, also from a disk that turns.
READ_WHOLE = 2**30
FILES_AT_ONCE = 16
FILES_OF_A_THREAD = 1000

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class Framing:
    """The part of a picture that becomes the image, always crop × crop pixels."""

    resize: int
    crop: int

    def __str__(self) -> str:
        return (
            f"shorter side resized to {self.resize}, centre crop {self.crop}, bilinear; augmented "
            f"by random resized crop (area {AREA}, aspect {ASPECT}) and random horizontal flip"
        )

    def centre(self, picture: Image.Image) -> Image.Image:
        """Resize the shorter side, and cut the centre out."""
        width, height = picture.size
        short = min(width, height)
        size = (self.resize * width // short, self.resize * height // short)
        picture = picture.resize(size, Image.Resampling.BILINEAR)
        left = round((size[0] - self.crop) / 2)
        top = round((size[1] - self.crop) / 2)
        return picture.crop((left, top, left + self.crop, top + self.crop))

    def random(self, picture: Image.Image, source: np.random.Generator) -> Image.Image:
        """Cut out a random part, resize it, and perhaps mirror it."""
        picture = picture.crop(_random_box(*picture.size, source))
        picture = picture.resize((self.crop, self.crop), Image.Resampling.BILINEAR)
        if source.random() < 0.5:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return picture


def _random_box(width: int, height: int, source: np.random.Generator) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of a random part; the rule of torchvision's RandomResizedCrop."""
    for _ in range(CROP_ATTEMPTS):
        area = width * height * source.uniform(*AREA)
        aspect = np.exp(source.uniform(*np.log(ASPECT)))
        box_width, box_height = round(np.sqrt(area * aspect)), round(np.sqrt(area / aspect))
        if 0 < box_width <= width and 0 < box_height <= height:
            left = int(source.integers(0, width - box_width, endpoint=True))
            top = int(source.integers(0, height - box_height, endpoint=True))
            return left, top, left + box_width, top + box_height
    # A picture too narrow for any of them: the largest centred part of a permitted aspect.
    box_width = min(width, max(1, round(height * ASPECT[1])))
    box_height = min(height, max(1, round(width / ASPECT[0])))
    left, top = (width - box_width) // 2, (height - box_height) // 2
    return left, top, left + box_width, top + box_height


class FileSplit(Split):
    """Image files below a folder.

    Parameters
    ----------
    root
        Folder that the ids are relative to.
    ids
        Path of each image below `root`, with forward slashes.
    labels
        int64 (n,).
    """

    decodes = True

    def __init__(
        self,
        *,
        root: Path,
        ids: tuple[str, ...],
        labels: np.ndarray,
        framing: Framing,
        normalisation: Normalisation,
    ) -> None:
        self._root = root
        self.ids = ids
        self.targets = labels.astype(np.int64)
        self._framing = framing
        self._normalisation = normalisation

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
        return self._batches(chosen, batch_size, augmentation, device, workers)

    def _batches(
        self,
        indices: np.ndarray,
        batch_size: int,
        augmentation: Augmentation | None,
        device: torch.device,
        workers: int,
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        parts = [
            indices[start : start + batch_size] for start in range(0, len(indices), batch_size)
        ]
        loader = DataLoader(
            _Decoder(self._root, self._framing, augmentation),
            # The names travel with each batch: a million of them would be copied to each worker.
            batch_sampler=([(int(index), self.ids[index]) for index in part] for part in parts),
            collate_fn=_stack,
            num_workers=workers,
            # Forked workers inherit the locks of other libraries' threads, and hang.
            multiprocessing_context="spawn" if workers else None,
            pin_memory=device.type == "cuda",
            # Otherwise the loader draws from the global generator, and so changes the training.
            generator=torch.Generator(),
        )
        for part, images in zip(parts, loader, strict=True):
            if isinstance(images, _Unreadable):
                raise InputError(images.message)
            labels = torch.from_numpy(self.targets[part]).to(device)
            yield self._normalisation.apply(images.to(device, non_blocking=True)), labels

    def content_digest(self) -> str:
        """Sha256 (hex) of names, labels and sizes of the files, and of small splits their bytes.

        Of more than `READ_WHOLE` bytes, an image that is replaced by another of the same size goes
        unseen: reading a million files would cost as much as an epoch.

        Raises
        ------
        InputError
            A file cannot be read.
        """
        if type(self).batches is not FileSplit.batches:
            return super().content_digest()
        digest = hashlib.sha256(self._names_digest().encode())
        with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
            starts = range(0, len(self), FILES_OF_A_THREAD)
            sizes = list(chain.from_iterable(pool.map(self._sizes, starts)))
            digest.update(json.dumps(sizes).encode())
            if sum(sizes) <= READ_WHOLE:
                for hashes in pool.map(self._hashes, starts):
                    digest.update("".join(hashes).encode())
        return digest.hexdigest()

    def _sizes(self, start: int) -> list[int]:
        return [self._of_file(name, _size) for name in self.ids[start : start + FILES_OF_A_THREAD]]

    def _hashes(self, start: int) -> list[str]:
        return [self._of_file(name, _hash) for name in self.ids[start : start + FILES_OF_A_THREAD]]

    def _of_file(self, name: str, ask: Callable[[str], Answer]) -> Answer:
        try:
            return ask(os.path.join(self._root, name))  # noqa: PTH118 - a Path a file takes longer
        except InputError:
            raise
        # Pillow reports damage with many kinds of exception.
        except Exception as problem:
            said = getattr(problem, "strerror", None) or f"{type(problem).__name__}: {problem}"
            raise InputError(
                f"Expected a readable image in {self._root / name}. Got {said}. "
                "Fetch the file again, or remove it from the dataset."
            ) from None


def _size(path: str) -> int:
    if kind := never_a_file(path):
        raise OSError(errno.EINVAL, f"{kind}, which is no image")
    return os.stat(path).st_size  # noqa: PTH116


def _hash(path: str) -> str:
    """Digest of a file, whose header is looked at as well: here, before anything is trained."""
    with open(path, "rb") as file:  # noqa: PTH123
        with Image.open(file) as picture:
            check_mode(picture, path)
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class _Unreadable:
    """A failure as a value: an exception would arrive wrapped in the traceback of a worker."""

    message: str


class _Decoder(Dataset[torch.Tensor | _Unreadable]):
    def __init__(self, root: Path, framing: Framing, augmentation: Augmentation | None) -> None:
        self._root = root
        self._framing = framing
        self._augmentation = augmentation

    def __getitem__(self, key: tuple[int, str]) -> UInt8[torch.Tensor, "3 h w"] | _Unreadable:
        index, name = key
        path = self._root / name
        try:
            picture = read_rgb(path)
        except InputError as problem:
            return _Unreadable(str(problem))
        # Pillow's decoders report damage with many kinds of exception.
        except Exception as error:
            return _Unreadable(
                f"Expected a readable image in {path}. Got {type(error).__name__}: {error}. "
                "Fetch the file again, or remove it from the dataset."
            )
        if self._augmentation is None:
            picture = self._framing.centre(picture)
        else:
            seed, epoch = self._augmentation.seed, self._augmentation.epoch
            source = generator(seed, Purpose.AUGMENTATION, epoch, index)
            picture = self._framing.random(picture, source)
        # Bytes travel between processes, a quarter of what floats would take.
        return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def _stack(images: list[torch.Tensor | _Unreadable]) -> torch.Tensor | _Unreadable:
    tensors = []
    for image in images:
        if isinstance(image, _Unreadable):
            return image
        tensors.append(image)
    return torch.stack(tensors)
