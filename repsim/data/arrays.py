"""A dataset from arrays of one's own."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from repsim.arrays import ArrayLike, as_array
from repsim.data.resident import Normalisation, ResidentSplit, ShiftAndFlip, checked_targets
from repsim.data.source import DataSource, check_channels_first
from repsim.errors import InputError, StudyError
from repsim.inputs import InputSpec

__all__ = ["from_arrays"]


def from_arrays(
    *,
    train: tuple[ArrayLike, ArrayLike | None],
    test: tuple[ArrayLike, ArrayLike | None],
    classes: int | None = None,
    vocabulary: int | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    padding: int = 0,
    flip: bool = False,
    train_ids: Sequence[str] | None = None,
    test_ids: Sequence[str] | None = None,
    name: str = "arrays",
) -> DataSource:
    """Dataset of inputs that are in memory.

    Parameters
    ----------
    train, test
        Inputs (n, ...) and targets, as numpy arrays or torch tensors. Inputs are numbers (uint8,
        0..255, or floats), such as images (n, channels, height, width) or vectors (n, numbers); or
        ids, such as tokens (n, length), of any other integer type. Targets are classes, integers
        (n,), or numbers to be predicted, floats (n, outputs); None where they are not known: such
        inputs can be captured, and nothing is trained on them.
    classes
        Number of classes; one more than the largest label, if not given.
    vocabulary
        Number of ids; one more than the largest, if not given.
    mean, std
        Of each channel (place of the first axis of an example), of what is scaled to 0..1 where it
        is bytes; those of the training inputs, if not given.
    padding, flip
        Augmentation of images in training: shift by up to `padding` pixels, random mirror image.
    train_ids, test_ids
        Ids of the examples; ``"train/0"`` ... and ``"test/0"`` ..., if not given.

    Raises
    ------
    StudyError
        The arrays do not fit together, or an option does not fit the inputs.
    InputError
        What is given is no plain array of numbers.

    Examples
    --------
    >>> images = np.arange(4 * 1 * 8 * 8, dtype=np.uint8).reshape(4, 1, 8, 8)
    >>> labels = np.array([0, 1, 0, 1])
    >>> source = from_arrays(train=(images, labels), test=(images, labels))
    >>> source.classes, str(source.inputs), source.test.ids[0]
    (2, 'images of shape 1x8x8', 'test/0')
    """
    given = {
        part: _pair(pair, f"{part} split of {name!r}")
        for part, pair in (("train", train), ("test", test))
    }
    of_train, of_test = (inputs for inputs, _ in given.values())
    if of_train.shape[1:] != of_test.shape[1:] or of_train.dtype != of_test.dtype:
        raise StudyError(
            f"Expected inputs of one size and type in train and test of {name!r}. Got "
            f"{of_train.dtype} of shape {of_train.shape} and {of_test.dtype} of {of_test.shape}."
        )
    check_channels_first(of_train.shape[1:], name)
    ids = of_train.dtype == np.int64
    if ids:
        vocabulary = _count(vocabulary, [of_train, of_test], "vocabulary")
        _refuse(f"ids of {name!r}", "", mean=mean, std=std)
    else:
        _refuse(f"numbers of {name!r}", "", vocabulary=vocabulary)
    if padding < 0:
        raise StudyError(f"Expected padding of 0 pixels or more. Got {padding}.")
    spec = InputSpec(
        shape=of_train.shape[1:], dtype="int64" if ids else "float32", vocabulary=vocabulary
    )
    if not spec.are_images:
        _refuse(str(spec), "Only images are shifted and mirrored.", padding=padding, flip=flip)
    normalisation = None if ids else _normalisation(of_train, mean, std, name)
    augmenter = ShiftAndFlip(padding=padding, flip=flip) if spec.are_images else None
    labels = [targets for _, targets in given.values() if targets.ndim == 1]
    if labels or classes is not None:
        classes = _count(classes, labels, "classes")

    def split(part: str, names: Sequence[str] | None) -> ResidentSplit:
        inputs, targets = given[part]
        return ResidentSplit(
            ids=names if names is not None else [f"{part}/{row}" for row in range(len(inputs))],
            inputs=inputs,
            targets=targets,
            classes=classes,
            normalisation=normalisation,
            augmenter=augmenter,
            where=f"{part} split of {name!r}",
        )

    return DataSource(
        name=name,
        classes=classes,
        inputs=spec,
        train=split("train", train_ids),
        test=split("test", test_ids),
        preprocessing=f"{normalisation or 'not normalised'}; {augmenter or 'no augmentation'}",
    )


def _pair(pair: Any, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of a split; numbers of no columns for targets that are not known."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise StudyError(
            f"Expected (inputs, targets) as the {where}. Got a {type(pair).__name__}. "
            "For a split without targets, give (inputs, None)."
        )
    inputs = _inputs(as_array(pair[0], f"inputs of the {where}"), where)
    if pair[1] is None:
        return inputs, np.empty((len(inputs), 0), np.float32)
    try:
        return inputs, checked_targets(as_array(pair[1], f"targets of the {where}"), where)
    except InputError:
        # numpy cannot make objects of every tensor, and none holds text.
        objects = np.array([] if hasattr(pair[1], "detach") else pair[1], dtype=object)
        if any(isinstance(label, str) for label in objects.ravel()):
            raise StudyError(
                f"Expected integer labels in the {where}. Got text. Number the classes: "
                "np.unique(labels, return_inverse=True)[1], of all splits together."
            ) from None
        raise


def _inputs(inputs: np.ndarray, where: str) -> np.ndarray:
    """Inputs (n, ...) of bytes, float32, or int64 ids; a copy."""
    if inputs.ndim and not len(inputs):
        raise StudyError(f"Expected at least one example in the {where}. Got none.")
    got = f"Got {inputs.dtype} of shape {inputs.shape}."
    if inputs.ndim < 2 or inputs.dtype.kind not in "uif":
        one = " Give one number for each example as inputs[:, None]." if inputs.ndim == 1 else ""
        raise StudyError(f"Expected inputs of shape (n, ...) in the {where}. {got}{one}")
    if inputs.dtype == np.uint8:
        return np.array(inputs, order="C")
    if inputs.dtype.kind == "f":
        inputs = np.array(inputs, dtype=np.float32, order="C")
        if not np.isfinite(inputs).all():
            raise StudyError(f"Expected finite inputs in the {where}. Got NaN or infinity.")
        return inputs
    if inputs.ndim > 3:
        raise StudyError(
            f"Expected uint8 or float images in the {where}: other integers are ids. {got} "
            "Give images.astype(np.uint8) for pixels from 0 to 255."
        )
    if inputs.min() < 0:
        raise StudyError(f"Expected ids from 0 in the {where}. Got {inputs.min()}.")
    return np.array(inputs, dtype=np.int64, order="C")


def _count(given: int | None, numbered: Sequence[np.ndarray], what: str) -> int:
    """The number of classes or ids: `given`, or one more than the largest."""
    if given is None:
        return 1 + max((int(some.max()) for some in numbered), default=-1)
    if not isinstance(given, int | np.integer) or isinstance(given, bool) or given < 1:
        raise StudyError(f"Expected a number of {what} from 1. Got {given!r}.")
    most = max((int(some.max()) for some in numbered), default=-1)
    if what == "vocabulary" and most >= given:
        raise StudyError(f"Expected ids below the vocabulary, {given}. Got {most}.")
    return int(given)


def _refuse(what: str, why: str, **options: object) -> None:
    """Refuse options that are given and make no sense for such inputs."""
    left_out = (None, False, 0)
    given = [
        f"{name} = {value!r}"
        for name, value in options.items()
        if not any(value is default for default in left_out)
    ]
    if given:
        raise StudyError(
            f"Expected no {' or '.join(options)} for {what}. Got {', '.join(given)}. {why}".rstrip()
        )


def _normalisation(
    inputs: np.ndarray, mean: Sequence[float] | None, std: Sequence[float] | None, name: str
) -> Normalisation:
    scale = 255.0 if inputs.dtype == np.uint8 else 1.0
    axes = (0, *range(2, inputs.ndim))
    # A constant channel is only centred: dividing by its deviation would give NaN.
    if mean is None:
        mean = _rounded(inputs.mean(axis=axes, dtype=np.float64) / scale)
    if std is None:
        deviation = inputs.std(axis=axes, dtype=np.float64) / scale
        std = _rounded(np.where(deviation > 0, deviation, 1.0))
    means, stds = tuple(map(float, mean)), tuple(map(float, std))
    channels = inputs.shape[1]
    if len(means) != channels or len(stds) != channels or min(stds) <= 0:
        raise StudyError(
            f"Expected {channels} means and {channels} positive standard deviations, one per "
            f"channel of {name!r}. Got {means} and {stds}."
        )
    return Normalisation(mean=means, std=stds)


def _rounded(values: np.ndarray) -> list[float]:
    # Sums differ in the last digits between machines; these are part of the fingerprint.
    return [float(f"{value:.6g}") for value in values]
