"""What a network is given: the shape and type of one example."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from repsim.errors import StudyError

if TYPE_CHECKING:
    import torch

__all__ = ["InputSpec"]


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """Shape and type of the examples of a data set.

    Raises
    ------
    StudyError
        A size is not positive, the type is another one, or only one of integer type and vocabulary
        is given.

    Examples
    --------
    >>> str(InputSpec(shape=(3, 32, 32)))
    'images of shape 3x32x32'
    >>> str(InputSpec(shape=(16,), dtype="int64", vocabulary=100))
    'sequences of 16 ids below 100'
    """

    shape: tuple[int, ...]
    """Of one example, without the batch; of an image (channels, height, width)."""
    dtype: Literal["float32", "int64"] = "float32"
    """Numbers, or ids, such as those of tokens."""
    vocabulary: int | None = None
    """Ids are from 0 to this, excluded; None of numbers."""

    def __post_init__(self) -> None:
        if not self.shape or not all(isinstance(n, int) and n > 0 for n in self.shape):
            raise StudyError(
                f"Expected inputs whose shape is one or more positive sizes. Got {self.shape!r}. "
                "Give an example of one number as a vector of length 1."
            )
        if self.dtype not in ("float32", "int64"):
            raise StudyError(f"Expected inputs of float32 or int64. Got {self.dtype!r}.")
        if (self.dtype == "int64") != (self.vocabulary is not None):
            raise StudyError(
                "Expected a vocabulary for inputs of int64, and none for float32. "
                f"Got {self.dtype} and vocabulary {self.vocabulary}."
            )
        if self.vocabulary is not None and self.vocabulary < 1:
            raise StudyError(f"Expected a vocabulary of at least 1 id. Got {self.vocabulary}.")

    @property
    def are_images(self) -> bool:
        """Whether an example is (channels, height, width)."""
        return len(self.shape) == 3 and self.dtype == "float32"

    def __str__(self) -> str:
        shape = "x".join(map(str, self.shape))
        if self.dtype == "int64":
            form = (
                f"sequences of {shape}" if len(self.shape) == 1 else f"arrays of shape {shape} of"
            )
            return f"{form} ids below {self.vocabulary}"
        if len(self.shape) == 1:
            return f"vectors of {shape} number{'s' * (self.shape[0] > 1)}"
        return f"{'images' if self.are_images else 'arrays'} of shape {shape}"

    @property
    def size(self) -> int:
        """Numbers or ids of one example."""
        return math.prod(self.shape)

    def zeros(self, batch: int, device: "torch.device | None" = None) -> "torch.Tensor":
        """A batch of zeros, which every model for these inputs takes."""
        import torch

        return torch.zeros(batch, *self.shape, dtype=getattr(torch, self.dtype), device=device)

    def random(self, batch: int, device: "torch.device | None" = None) -> "torch.Tensor":
        """A batch of noise or of random ids, from torch's global generator on the CPU."""
        import torch

        if self.vocabulary is not None:
            drawn = torch.randint(self.vocabulary, (batch, *self.shape))
        else:
            drawn = torch.randn(batch, *self.shape)
        return drawn.to(device)
