"""Activations that somebody else saved: .npy, .npz and .zarr, read block by block."""

import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import zarr

from repsim.errors import InputError
from repsim.moments import Factor, Moments

__all__ = ["ActivationArray", "factor_of", "moments_of", "open_activations"]

BLOCK_BYTES = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class ActivationArray:
    """One layer in a file.

    Two axes are samples × neurons; three are examples × positions × neurons; four are examples ×
    channels × height × width, where a channel is a neuron and each place a sample. `channels` says
    it where there is another order: ``first`` or ``last`` after the examples.
    """

    name: str
    array: Any
    channels: Literal["first", "last"] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """As stored."""
        return tuple(self.array.shape)

    @property
    def examples(self) -> int:
        """Length of the first axis."""
        return self.shape[0]

    @property
    def axis(self) -> int:
        """Of the neurons."""
        shape = self.shape
        if len(shape) not in {2, 3, 4}:
            raise InputError(
                f"Expected {self.name} with two axes (samples × neurons), three (examples × "
                "positions × neurons) or four (examples × channels × height × width). "
                f"Got shape {shape}."
            )
        if self.channels is not None:
            return 1 if self.channels == "first" else len(shape) - 1
        if len(shape) == 4 and (shape[2] != shape[3] or shape[1] == shape[2]):
            raise InputError(
                f"Expected {self.name} as examples × channels × height × width. Got shape {shape}, "
                f"which may also have its {shape[3]} channels last. Say which it is: --channels "
                "first or --channels last."
            )
        return 1 if len(shape) == 4 else len(shape) - 1

    @property
    def positions(self) -> int:
        """Samples of each example."""
        axis = self.axis
        return math.prod(n for i, n in enumerate(self.shape) if i not in {0, axis})

    @property
    def neurons(self) -> int:
        """Neurons, or channels."""
        return self.shape[self.axis]

    def block(self, start: int, stop: int) -> np.ndarray:
        """Samples × neurons of the examples from `start` to `stop`."""
        part = np.moveaxis(np.asarray(self.array[start:stop]), self.axis, -1)
        return part.reshape(-1, self.neurons)


def open_activations(
    path: Path, *, channels: Literal["first", "last"] | None = None
) -> dict[str, ActivationArray]:
    """The layers in a file, by name. Nothing that is pickled is loaded.

    Parameters
    ----------
    path
        ``.npy`` (one layer, named ``activations``), ``.npz`` (a layer for each name) or ``.zarr``
        (an array, or a group of arrays).
    channels
        Where arrays of three and four axes have their neurons; see `ActivationArray`.

    Raises
    ------
    InputError
        When the file is not there, not one of these, or holds no numbers; when it is not certain
        which of four axes has the channels.
    """
    if not path.exists():
        raise InputError(f"Expected a file of activations. Got {path}, which does not exist.")
    try:
        arrays = _arrays(path)
    except InputError:
        raise
    except Exception as problem:
        said = str(problem).rstrip(".")
        raise InputError(f"Expected activations in {path}. Got: {said}.") from problem
    layers = {}
    for name, array in arrays.items():
        if np.dtype(array.dtype).kind not in "fiub":
            raise InputError(f"Expected numbers in {name} of {path}. Got dtype {array.dtype}.")
        layers[name] = ActivationArray(name=name, array=array, channels=channels)
        if 0 in array.shape:
            raise InputError(
                f"Expected at least one sample and one neuron in {name} of {path}. "
                f"Got shape {tuple(array.shape)}."
            )
        _ = layers[name].axis  # refuses shapes that have no meaning here, or two
    if not layers:
        raise InputError(f"Expected at least one array in {path}. Got none.")
    return layers


def moments_of(x: ActivationArray, y: ActivationArray) -> Moments:
    """Moments of two layers over the same samples, a block of examples at a time.

    Raises
    ------
    InputError
        When they have not the same examples and positions, or a number is not finite.
    """
    return _reduced(Moments.zeros(x.neurons, y.neurons), x, y)


def factor_of(x: ActivationArray, y: ActivationArray) -> Factor:
    """Triangular factor of two layers, as `moments_of`: for layers whose moments lack digits."""
    return _reduced(Factor.zeros(x.neurons, y.neurons), x, y)


Statistic = TypeVar("Statistic", Moments, Factor)


def _reduced(statistic: Statistic, x: ActivationArray, y: ActivationArray) -> Statistic:
    if (x.examples, x.positions) != (y.examples, y.positions):
        raise InputError(
            f"Expected the same samples in both. Got {x.examples} examples × {x.positions} "
            f"positions in {x.name} of the first and {y.examples} × {y.positions} in {y.name} of "
            "the second. Both must hold the same inputs in the same order."
        )
    width = 8 * x.positions * (x.neurons + y.neurons)
    step = max(1, BLOCK_BYTES // max(1, width))
    for start in range(0, x.examples, step):
        stop = start + step
        try:
            statistic = statistic.update(x.block(start, stop), y.block(start, stop))
        except InputError as problem:
            raise InputError(f"{problem} Samples are counted from example {start}.") from None
    return statistic


def _arrays(path: Path) -> Mapping[str, Any]:
    if path.suffix == ".npy":
        # Not np.load: where the file is no array it would advise to unpickle it.
        return {"activations": np.lib.format.open_memmap(path, mode="r")}
    if path.suffix == ".npz":
        if not zipfile.is_zipfile(path):
            raise InputError(f"Expected an .npz archive. Got {path}, which is not one.")
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
    if path.is_dir():
        opened = zarr.open(str(path), mode="r")
        if isinstance(opened, zarr.Array):
            return {"activations": opened}
        return dict(opened.arrays())
    raise InputError(f"Expected a .npy, .npz or .zarr file. Got {path}.")
