"""What is kept of the first examples of a layer: their features, averaged, and inner products."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64

from repsim.arrays import ArrayLike, as_array
from repsim.errors import InputError
from repsim.examples.gram import ExampleGram, Offsets, centre_rows
from repsim.named_arrays import NamedArrays
from repsim.origin import Origin

__all__ = ["Features", "LayerExamples"]

Features = Literal["averaged", "flattened"]
"""What stands for a feature map: its average over positions, or all of its numbers."""

# What the examples that are held in float64 may take. With 512 MiB, 1024 examples of 65,536
# features (64 channels of 32 × 32) are read once; beyond, rows are read again for each tile.
MEMORY = 512 * 2**20

# Kept as one half, being symmetric.
HALVED = "flattened_products"

# Examples that are multiplied with a tile are read in parts of this share of it.
PART = 8

# How to make an array of this many axes examples × neurons.
SHAPE_HINTS = {
    0: "A single number is no layer.",
    1: "For a layer of one neuron, give x[:, None].",
    4: "Channels go last: (examples, channels, height, width) becomes "
    "np.moveaxis(x, 1, -1).reshape(examples, height * width, channels).",
    5: "Move the axis of the neurons last, and make one axis of all positions: "
    "np.moveaxis(x, axis, -1).reshape(examples, -1, neurons).",
}

Reader = Callable[[int, int], np.ndarray]


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerExamples(NamedArrays):
    """The examples of one layer of one network, each as a whole.

    Takes 8 n (n + p) bytes for n examples of p neurons: 12 MiB for 1024 examples of 512.

    Parameters
    ----------
    pooled : array (n, p)
        Activations averaged over the positions of each example.
    positions : int
        Over how many.
    flattened : ExampleGram or None
        Inner products of examples over all positions and neurons. None where positions were drawn
        for each example anew: then position i of two examples is not the same place, and their
        inner product means nothing.
    coarse : int
        Neurons whose numbers hardly resolve their deviation (`repsim.origin.Origin`).

    Examples
    --------
    >>> import numpy as np
    >>> maps = np.random.default_rng(0).normal(size=(5, 4, 3))  # examples, positions, neurons
    >>> layer = LayerExamples.from_array(maps)
    >>> layer.pooled.shape, layer.features("flattened").gram.shape
    ((5, 3), (5, 5))
    >>> bool(np.allclose(layer.pooled, maps.mean(axis=1)))
    True
    """

    pooled: Float64[np.ndarray, "n p"]
    positions: int
    flattened: ExampleGram | None
    coarse: int = 0

    def __post_init__(self) -> None:
        if self.flattened is not None and self.flattened.count != len(self.pooled):
            raise InputError(
                f"Expected inner products of the {len(self.pooled)} examples. "
                f"Got those of {self.flattened.count}."
            )

    @property
    def count(self) -> int:
        """Number of examples n."""
        return len(self.pooled)

    @property
    def neurons(self) -> int:
        """Number of neurons p."""
        return int(self.pooled.shape[1])

    @cached_property
    def averaged(self) -> ExampleGram:
        """Inner products of the averaged features."""
        if self.positions == 1 and self.flattened is not None:
            return self.flattened
        return ExampleGram.from_features(self.pooled, coarse=self.coarse)

    def features(self, features: Features) -> ExampleGram:
        """Inner products of what stands for the feature maps.

        Raises
        ------
        InputError
            For flattened maps of which each example has positions of its own.
        """
        if features == "averaged":
            return self.averaged
        if self.flattened is None:
            raise InputError(
                "Expected feature maps with the same positions of every example, to flatten them. "
                "Got positions drawn for each example. Average them, or capture all positions."
            )
        return self.flattened

    @classmethod
    def from_array(
        cls,
        activations: ArrayLike,
        *,
        same_positions: bool = True,
        memory: int = MEMORY,
        name: str = "the layer",
    ) -> "LayerExamples":
        """Of examples × positions × neurons, or examples × neurons, numpy or torch.

        For the parameters see `from_reader`; `name` stands in messages.

        Raises
        ------
        InputError
            For other axes, an empty array, a number that is not finite, and whatever `as_array`
            refuses.
        """
        array = as_array(activations, name)
        if array.ndim == 2:
            array = array[:, None, :]
        if array.ndim != 3:
            raise InputError(
                f"Expected {name} as examples × neurons or examples × positions × neurons. Got "
                f"shape {array.shape}. {SHAPE_HINTS.get(array.ndim, SHAPE_HINTS[5])}"
            )
        if 0 in array.shape:
            raise InputError(
                f"Expected at least one example, position and neuron in {name}. "
                f"Got shape {np.shape(activations)}."
            )
        examples, positions, neurons = array.shape
        return cls.from_reader(
            lambda start, stop: array[start:stop],
            (examples, positions, neurons),
            same_positions=same_positions,
            memory=memory,
        )

    @classmethod
    def from_reader(
        cls,
        read: Reader,
        shape: tuple[int, int, int],
        *,
        same_positions: bool = True,
        memory: int = MEMORY,
    ) -> "LayerExamples":
        """Of examples that are read when they are needed.

        As many as fit into `memory` are held in float64 and multiplied with all before them, so
        the whole layer is read (t + 1) / 2 times, where it is t times as large as `memory` in
        float64; once, where it fits. The peak is 1.3 `memory` beside the result, and eight
        numbers for each feature.

        Parameters
        ----------
        read
            The examples from a first to before a last, (b, positions, neurons), of any real type.
        shape
            Examples, positions, neurons.
        same_positions
            Whether position i is the same place in every example.
        memory
            In bytes.

        Raises
        ------
        InputError
            When a block has another shape or a number is not finite.
        """
        examples, positions, neurons = shape
        width = positions * neurons
        held = min(examples, max(1, memory // (8 * width)))
        pooled = np.empty((examples, neurons))
        gram = np.empty((examples, examples)) if same_positions else None
        row_means, along = np.empty(examples), np.empty(examples)
        room = np.empty((held, width))
        origin, coarse = None, 0
        for start in range(0, examples, held):
            stop = min(start + held, examples)
            tile = room[: stop - start]
            for first, last, part, dtype in _parts(read, shape, start, stop, held):
                if first == 0:
                    coarse = Origin.of(part.reshape(-1, neurons), dtype).coarse
                maps = part.reshape(-1, positions, neurons)
                maps.mean(axis=1, out=pooled[first:last])
                if gram is None:
                    continue
                origin = origin or Origin.of(part)
                tile[first - start : last - start] = part
                rows = tile[first - start : last - start]
                row_means[first:last], along[first:last] = centre_rows(rows, origin)
            if gram is None or origin is None:
                continue
            gram[start:stop, start:stop] = tile @ tile.T
            for first, last, part, _ in _parts(read, shape, 0, start, held):
                centre_rows(part, origin)
                gram[start:stop, first:last] = tile @ part.T
                gram[first:last, start:stop] = gram[start:stop, first:last].T
        flattened = None
        if gram is not None and origin is not None:
            offsets = Offsets.of(row_means, along, origin)
            flattened = ExampleGram(products=gram, offsets=offsets, coarse=coarse)
        return cls(pooled=pooled, positions=positions, flattened=flattened, coarse=coarse)

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything as named arrays, for a store: of the symmetric matrix one half."""
        arrays = super().arrays()
        if self.flattened is not None:
            arrays[HALVED] = arrays[HALVED][np.tri(self.count, dtype=bool)]
        return arrays

    @classmethod
    def from_mapping(cls, arrays: Mapping[str, np.ndarray]) -> "LayerExamples":
        """From the named arrays that `arrays()` gave; InputError when one is missing."""
        if HALVED in arrays and "pooled" in arrays:
            count = len(arrays["pooled"])
            whole = np.zeros((count, count))
            whole[np.tri(count, dtype=bool)] = arrays[HALVED]
            arrays = {**arrays, HALVED: whole + np.tril(whole, -1).T}
        return super().from_mapping(arrays)


def _parts(
    read: Reader, shape: tuple[int, int, int], start: int, stop: int, held: int
) -> Iterator[tuple[int, int, Float64[np.ndarray, "b w"], np.dtype[Any]]]:
    """Examples from `start` to `stop` in float64, a few at a time, with their dtype before."""
    step = max(1, held // PART)
    for first in range(start, stop, step):
        last = min(first + step, stop)
        block = np.asarray(read(first, last))
        if block.shape != (last - first, *shape[1:]):
            raise InputError(
                f"Expected examples of shape {(last - first, *shape[1:])}. Got {block.shape}."
            )
        part = block.reshape(last - first, -1).astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            bad = ~np.isfinite(part.sum(axis=1))
        if bad.any():
            raise InputError(
                "Expected finite activations. Got NaN or infinity first at example "
                f"{first + int(np.argmax(bad))}. Drop it, or capture in a wider dtype."
            )
        yield first, last, part, block.dtype
