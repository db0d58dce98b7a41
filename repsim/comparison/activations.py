"""Activations of a model that were captured, by layer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from repsim.activation_files import ActivationArray, open_activations

__all__ = ["Activations"]

MOST_SHOWN = 40


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Activations(Mapping[str, Any]):
    """The layers of a model over the same examples: a mapping of names to arrays.

    An array is (examples, neurons), or (examples, positions, neurons) of a map or a sequence; of a
    sequence without its padded tokens (samples, neurons). It is a numpy array, or a Zarr array of
    which a slice is read when it is taken.

    Examples
    --------
    >>> x = np.zeros((10, 3), np.float32)
    >>> Activations(layers_by_name={"relu": ActivationArray(name="relu", array=x)})
    Activations of 10 examples in memory:
      relu  10 × 3
    """

    layers_by_name: Mapping[str, ActivationArray] = field(repr=False)
    location: str = ""
    """Where they are; empty for memory."""

    @classmethod
    def open(cls, path: Path | str) -> "Activations":
        """Of a file or URL in any form that `repsim.compare` reads.

        Raises
        ------
        InputError
            When it cannot be read, or holds no layer.
        """
        place = path if isinstance(path, str) and "://" in path else Path(path)
        return cls(layers_by_name=open_activations(place), location=str(path))

    @property
    def layers(self) -> tuple[str, ...]:
        """Names, in order of depth."""
        return tuple(self.layers_by_name)

    @property
    def examples(self) -> int:
        """How many there are of each layer."""
        return next(iter(self.layers_by_name.values())).examples

    def arrays(self) -> dict[str, ActivationArray]:
        """As `repsim.compare` reads them."""
        return dict(self.layers_by_name)

    def __getitem__(self, layer: str) -> Any:
        array = self.layers_by_name[layer].array
        return array if isinstance(array, np.ndarray) else array.array

    def __iter__(self) -> Iterator[str]:
        return iter(self.layers_by_name)

    def __len__(self) -> int:
        return len(self.layers_by_name)

    def __repr__(self) -> str:
        where = self.location or "memory"
        shown = list(self.layers_by_name.values())[:MOST_SHOWN]
        width = max(len(layer.name) for layer in shown)
        lines = [f"  {one.name:{width}}  {' × '.join(map(str, one.shape))}" for one in shown]
        more = len(self) - len(shown)
        lines += [f"  and {more} more"] if more else []
        return "\n".join([f"Activations of {self.examples:,} examples in {where}:", *lines])
