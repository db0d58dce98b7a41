"""Activations that somebody else saved, read block by block."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import zarr

from repsim.array_files import arrays_in
from repsim.errors import InputError
from repsim.memory import physical_memory
from repsim.moments import Factor, Moments
from repsim.regular_files import never_a_file
from repsim.store import absent_chunks

__all__ = ["ActivationArray", "factor_of", "moments_of", "open_activations"]

log = logging.getLogger("repsim")

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
    pool: Literal["mean", "cls"] | None = None
    """Whether an example is one sample: the average over its positions, or the first of them."""

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
        if self.pool is not None:
            return 1
        return math.prod(n for i, n in enumerate(self.shape) if i not in {0, axis})

    @property
    def neurons(self) -> int:
        """Neurons, or channels."""
        return self.shape[self.axis]

    def block(self, start: int, stop: int) -> np.ndarray:
        """Samples × neurons of the examples from `start` to `stop`.

        Raises
        ------
        InputError
            When they cannot be read.
        """
        try:
            part = np.asarray(self.array[start:stop])
        except Exception as problem:  # each codec has its own
            raise InputError(
                f"Expected to read examples {start} to {min(stop, self.examples)} of {self.name}. "
                f"Got: {str(problem).rstrip('.')}. Write or copy the file again."
            ) from problem
        part = np.moveaxis(part, self.axis, -1)
        if self.pool is not None:
            places = part.reshape(len(part), -1, self.neurons)
            return places[:, 0] if self.pool == "cls" else places.mean(axis=1, dtype=np.float64)
        return part.reshape(-1, self.neurons)


def open_activations(
    path: Path,
    tell: Callable[[str], None] = log.warning,
    *,
    channels: Literal["first", "last"] | None = None,
) -> dict[str, ActivationArray]:
    """The layers in a file, by name. Nothing that is pickled is loaded.

    An array that can be no layer (labels, a scalar, text) is left out, beside others that can.

    Parameters
    ----------
    path
        ``.npy`` (one layer, named ``activations``), ``.npz`` or ``.safetensors`` (a layer for each
        name), ``.zarr`` (an array, or a group of arrays), ``.h5`` (data sets, also in groups), or
        ``.pt`` (a tensor, or tables of tensors).
    tell
        Called with a line about each array that is left out, and each with chunks that are absent.
    channels
        Where arrays of three and four axes have their neurons; see `ActivationArray`.

    Raises
    ------
    InputError
        When the file is not there, not one of these, cannot be read, or holds no layer; when it is
        not certain which of four axes has the channels.
    """
    if not path.exists():
        raise InputError(f"Expected a file of activations. Got {path}, which does not exist.")
    if kind := never_a_file(path):
        raise InputError(
            f"Expected a file of activations. Got {path}, which is {kind}. Write it to a file "
            "first."
        )
    layers, refused = {}, {}
    try:
        for name, array in arrays_in(path):
            reason = array if isinstance(array, str) else _no_layer(array)
            if not reason:
                layer = ActivationArray(name=name, array=array, channels=channels)
                reason = _too_wide(layer.neurons)  # refuses shapes that have two meanings, too
            if reason:
                refused[name] = reason
                continue
            layers[name] = layer
            if isinstance(array, zarr.Array):
                _tell_of_absent_chunks(array, f"{name} of {path}", tell)
    except InputError:
        raise
    except Exception as problem:
        said = str(problem).rstrip(".") or type(problem).__name__
        raise InputError(f"Expected activations in {path}. Got: {said}.") from problem
    if not layers:
        got = "; ".join(f"{name}: {reason}" for name, reason in refused.items()) or "none"
        raise InputError(
            f"Expected at least one array of activations in {path}: real numbers with two axes "
            "(samples × neurons), three (examples × positions × neurons) or four (examples × "
            f"channels × height × width). Got {got}."
        )
    for name, reason in refused.items():
        tell(f"Skipped {name} of {path}: {reason}.")
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
        parts = [layer.block(start, start + step) for layer in (x, y)]
        try:
            statistic = statistic.update(*parts)
        except InputError as problem:
            raise InputError(f"{problem} Samples are counted from example {start}.") from None
    return statistic


def _no_layer(array: Any) -> str:
    """Why an array can be no layer; empty where it can be one."""
    shape, dtype = tuple(array.shape), array.dtype
    if dtype.kind not in "fiub":
        return f"shape {shape} of dtype {dtype}, which are no real numbers"
    if len(shape) == 1:
        return f"shape {shape}, one axis, as of labels (save a layer of one neuron as x[:, None])"
    if not 2 <= len(shape) <= 4:
        return f"shape {shape}, {len(shape)} axes"
    return f"shape {shape}, which has no samples or no neurons" if 0 in shape else ""


def _too_wide(neurons: int) -> str:
    """Why the moments of a layer cannot be held; empty where they can be."""
    needed, there = 8 * neurons**2, physical_memory()
    if needed <= there:
        return ""
    return (
        f"{neurons:,} neurons, whose second moments take {needed / 2**30:,.0f} GiB of memory, and "
        f"this machine has {there / 2**30:.0f} (compare some of the neurons: x[:, :4096])"
    )


def _tell_of_absent_chunks(
    array: "zarr.Array[Any]", layer: str, tell: Callable[[str], None]
) -> None:
    absent = absent_chunks(array)
    if absent:
        are, them = ("is", "it") if absent == 1 else ("are", "them")
        tell(
            f"Caution: layer {layer}: {absent} of {array.nchunks} chunks {are} absent "
            f"from the store; Zarr reads {them} as {array.fill_value}. A writer may leave out "
            "chunks that hold nothing else; otherwise they were lost, or never written."
        )
