"""A dataset from arrays of one's own."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from repsim.arrays import ArrayLike, as_array
from repsim.data.resident import Normalisation, ResidentSplit, ShiftAndFlip, checked_labels
from repsim.data.source import DataSource, check_channels_first
from repsim.errors import InputError, StudyError

__all__ = ["from_arrays"]


def from_arrays(
    *,
    train: tuple[ArrayLike, ArrayLike],
    test: tuple[ArrayLike, ArrayLike | None],
    classes: int | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    padding: int = 0,
    flip: bool = False,
    train_ids: Sequence[str] | None = None,
    test_ids: Sequence[str] | None = None,
    name: str = "arrays",
) -> DataSource:
    """Dataset of images that are in memory.

    Parameters
    ----------
    train, test
        Images, uint8 (0..255) or float, (n, channels, height, width), and integer labels (n,), as
        numpy arrays or torch tensors. Labels of `test` may be None: its activations are captured
        as ever, and its accuracy is not known.
    classes
        Number of classes; one more than the largest label, if not given.
    mean, std
        Per channel, of pixels scaled to 0..1 where they are bytes; those of the training images,
        if not given.
    padding, flip
        Augmentation in training: shift by up to `padding` pixels, random mirror image.
    train_ids, test_ids
        Ids of the examples; ``"train/0"`` ... and ``"test/0"`` ..., if not given.

    Raises
    ------
    StudyError
        The arrays do not fit together, or an option does not fit the images.
    InputError
        What is given is no plain array of numbers.

    Examples
    --------
    >>> images = np.arange(4 * 1 * 8 * 8, dtype=np.uint8).reshape(4, 1, 8, 8)
    >>> labels = np.array([0, 1, 0, 1])
    >>> source = from_arrays(train=(images, labels), test=(images, labels))
    >>> source.classes, source.image_shape, source.test.ids[0]
    (2, (1, 8, 8), 'test/0')
    """
    given = {
        part: _pair(pair, f"{part} split of {name!r}")
        for part, pair in (("train", train), ("test", test))
    }
    if classes is not None and (not isinstance(classes, int | np.integer) or classes < 1):
        raise StudyError(f"Expected a number of classes from 1. Got {classes!r}.")
    if classes is None:
        known = [labels for _, labels in given.values() if labels is not None]
        classes = 1 + max((int(labels.max()) for labels in known), default=-1)
    images = given["train"][0]
    channels = _channels(images, given["test"][0], name)
    normalisation = _normalisation(images, channels, mean, std, name)
    if padding < 0:
        raise StudyError(f"Expected padding of 0 pixels or more. Got {padding}.")
    augmenter = ShiftAndFlip(padding=padding, flip=flip)

    def split(part: str, ids: Sequence[str] | None) -> ResidentSplit:
        images, labels = given[part]
        return ResidentSplit(
            ids=ids if ids is not None else [f"{part}/{row}" for row in range(len(images))],
            images=images,
            labels=labels,
            classes=classes,
            normalisation=normalisation,
            augmenter=augmenter,
            where=f"{part} split of {name!r}",
        )

    shape = images.shape
    return DataSource(
        name=name,
        classes=classes,
        image_shape=(shape[1], shape[2], shape[3]),
        train=split("train", train_ids),
        test=split("test", test_ids),
        preprocessing=f"{normalisation}; {augmenter}",
    )


def _pair(pair: Any, where: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Images and labels of a split as numpy arrays; None for labels that are not known."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise StudyError(
            f"Expected (images, labels) as the {where}. Got a {type(pair).__name__}. "
            "For a test split without labels, give (images, None)."
        )
    images, labels = as_array(pair[0], f"images of the {where}"), pair[1]
    if images.ndim and not len(images):
        raise StudyError(f"Expected at least one example in the {where}. Got none.")
    if labels is None:
        return images, None
    try:
        return images, checked_labels(as_array(labels, f"labels of the {where}"), where)
    except InputError:
        # numpy cannot make objects of every tensor, and none holds text.
        objects = np.array([] if hasattr(labels, "detach") else labels, dtype=object)
        if any(isinstance(label, str) for label in objects.ravel()):
            raise StudyError(
                f"Expected integer labels in the {where}. Got text. Number the classes: "
                "np.unique(labels, return_inverse=True)[1], of all splits together."
            ) from None
        raise


def _channels(train: np.ndarray, test: np.ndarray, name: str) -> int:
    shapes = np.shape(train), np.shape(test)
    if len(shapes[0]) != 4 or shapes[0][1:] != shapes[1][1:]:
        grey = " Give images without channels as images[:, None]." if len(shapes[0]) == 3 else ""
        raise StudyError(
            f"Expected images of shape (n, channels, height, width) in {name!r}, of one size in "
            f"train and test. Got {shapes[0]} and {shapes[1]}.{grey}"
        )
    check_channels_first(shapes[0][1:], name)
    return int(shapes[0][1])


def _normalisation(
    images: np.ndarray,
    channels: int,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    name: str,
) -> Normalisation:
    scale = 255.0 if images.dtype == np.uint8 else 1.0
    # A constant channel is only centred: dividing by its deviation would give NaN.
    if mean is None:
        mean = _rounded(images.mean(axis=(0, 2, 3), dtype=np.float64) / scale)
    if std is None:
        deviation = images.std(axis=(0, 2, 3), dtype=np.float64) / scale
        std = _rounded(np.where(deviation > 0, deviation, 1.0))
    means, stds = tuple(map(float, mean)), tuple(map(float, std))
    if len(means) != channels or len(stds) != channels or min(stds) <= 0:
        raise StudyError(
            f"Expected {channels} means and {channels} positive standard deviations, one per "
            f"channel of {name!r}. Got {means} and {stds}."
        )
    return Normalisation(mean=means, std=stds)


def _rounded(values: np.ndarray) -> list[float]:
    # Sums differ in the last digits between machines; these are part of the fingerprint.
    return [float(f"{value:.6g}") for value in values]
