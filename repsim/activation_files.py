"""Activations that somebody else saved, read block by block."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import zarr
from zarr.storage import LocalStore

from repsim.array_files import FileArray, arrays_in
from repsim.errors import InputError, RepsimError
from repsim.memory import physical_memory
from repsim.moments import Factor, Moments
from repsim.regular_files import never_a_file
from repsim.store import absent_chunks

__all__ = [
    "LENGTHS",
    "ActivationArray",
    "check_samples",
    "factor_of",
    "moments_of",
    "open_activations",
]

log = logging.getLogger("repsim")

BLOCK_BYTES = 64 * 2**20

# The attribute of a Zarr array that has the number of rows of each example.
LENGTHS = "lengths"


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
    lengths: np.ndarray | None = field(default=None, compare=False, repr=False)
    """Of samples × neurons, how many rows each example has, if they differ: of padded tokens."""

    @property
    def shape(self) -> tuple[int, ...]:
        """As stored."""
        return tuple(self.array.shape)

    @property
    def examples(self) -> int:
        """Length of the first axis, or of `lengths`."""
        return self.shape[0] if self.lengths is None else len(self.lengths)

    @cached_property
    def _ends(self) -> np.ndarray:
        """Where the rows of each example end, after a 0, if they have not as many."""
        lengths = np.zeros(0, np.int64) if self.lengths is None else self.lengths
        return np.concatenate([[0], np.cumsum(lengths)])

    @property
    def samples(self) -> int:
        """Rows of `block` of all examples."""
        if self.lengths is None or self.pool is not None:
            return self.examples * self.positions
        return int(self.lengths.sum())

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
        """Samples of each example; of those that have not as many, the average, rounded up."""
        axis = self.axis
        if self.pool is not None:
            return 1
        if self.lengths is not None:
            return max(1, -(-self.shape[0] // max(1, self.examples)))
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
        stop = min(stop, self.examples)
        rows = (start, stop) if self.lengths is None else self._ends[[start, stop]].tolist()
        try:
            part = np.asarray(self.array[slice(*rows)])
        except RepsimError:
            raise
        except Exception as problem:  # each codec has its own
            raise InputError(
                f"Expected to read examples {start} to {stop} of {self.name}. "
                f"Got: {str(problem).rstrip('.')}. Write or copy the file again."
            ) from problem
        part = np.moveaxis(part, self.axis, -1)
        if self.pool is not None and self.lengths is not None:
            return self._pooled_rows(part, self.lengths[start:stop])
        if self.pool is not None:
            places = part.reshape(len(part), -1, self.neurons)
            return places[:, 0] if self.pool == "cls" else places.mean(axis=1, dtype=np.float64)
        return part.reshape(-1, self.neurons)

    def _pooled_rows(self, rows: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        if self.pool == "cls":
            if not lengths.all():
                raise InputError(
                    f"Expected a position of every example of {self.name}. Got one without any."
                )
            return np.asarray(rows[np.cumsum(lengths) - lengths])
        sums = np.zeros((len(lengths), self.neurons))
        np.add.at(sums, np.repeat(np.arange(len(lengths)), lengths), rows)
        return np.asarray(sums / np.maximum(lengths, 1)[:, None])


def open_activations(
    path: Path | str,
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
        name), ``.zarr`` (an array, or a group of arrays and groups), ``.h5`` (data sets, also in
        groups), or ``.pt`` (a tensor, or tables of tensors). A text is a URL: ``s3://...``.
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
    if isinstance(path, Path) and not path.exists():
        raise InputError(f"Expected a file of activations. Got {path}, which does not exist.")
    if isinstance(path, Path) and (kind := never_a_file(path)):
        raise InputError(
            f"Expected a file of activations. Got {path}, which is {kind}. Write it to a file "
            "first."
        )
    layers, refused = {}, {}
    try:
        for name, array in arrays_in(path):
            reason = array if isinstance(array, str) else _no_layer(array)
            if not reason:
                lengths = _lengths(array, f"{name} of {path}")
                layer = ActivationArray(
                    name=name,
                    # What was read whole is read again when it is compared: many files are many.
                    array=FileArray(path, name, None if type(array) is np.ndarray else array),
                    channels=channels,
                    lengths=lengths,
                )
                reason = _too_wide(layer.neurons)  # refuses shapes that have two meanings, too
            if reason:
                refused[name] = reason
                continue
            layers[name] = layer
            if isinstance(array, zarr.Array) and isinstance(array.store, LocalStore):
                _tell_of_absent_chunks(array, f"{name} of {path}", tell)
    except RepsimError:
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


def check_samples(x: ActivationArray, y: ActivationArray) -> None:
    """Refuse layers that have not the same examples and positions.

    Raises
    ------
    InputError
        With what each has.
    """
    if (x.examples, x.positions, x.samples) != (y.examples, y.positions, y.samples):
        raise InputError(
            f"Expected the same samples in both. Got {x.examples} examples × {x.positions} "
            f"positions in {x.name} of the first and {y.examples} × {y.positions} in {y.name} of "
            "the second. Both must hold the same inputs in the same order."
        )


def _reduced(statistic: Statistic, x: ActivationArray, y: ActivationArray) -> Statistic:
    check_samples(x, y)
    width = 8 * x.positions * (x.neurons + y.neurons)
    step = max(1, BLOCK_BYTES // max(1, width))
    for start in range(0, x.examples, step):
        parts = [layer.block(start, start + step) for layer in (x, y)]
        try:
            statistic = statistic.update(*parts)
        except InputError as problem:
            raise InputError(f"{problem} Samples are counted from example {start}.") from None
    return statistic


def _lengths(array: Any, name: str) -> np.ndarray | None:
    """How many rows each example of a captured layer has, where some were left out."""
    if not isinstance(array, zarr.Array) or LENGTHS not in array.attrs:
        return None
    lengths = np.array(array.attrs[LENGTHS], dtype=np.int64)
    if array.ndim != 2 or lengths.ndim != 1 or lengths.sum() != array.shape[0]:
        raise InputError(
            f"Expected {LENGTHS} of the examples of {name} that add up to {array.shape[0]} rows. "
            f"Got {lengths.sum()}. Capture it again."
        )
    return lengths


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
