"""How a training goes through its examples: batches, epochs, steps."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Course"]

# Of a longer training, as with one step an epoch, this many epochs at most are evaluated.
MOST_EVALUATIONS = 1000


@dataclass(frozen=True, kw_only=True)
class Course:
    """The batches of an epoch, and how many steps there are in all.

    Examples
    --------
    >>> course = Course.of(1000, batch_size=128, epochs=2, steps=None)
    >>> course.batches, course.steps, course.last_batch_of(2)
    (8, 16, 8)
    >>> short = Course.of(1000, batch_size="all", epochs=None, steps=600)
    >>> short.batches, short.epochs
    (1, 600)
    """

    examples: int
    """Of an epoch: all, less one that would be a batch by itself; of a text, whole batches."""
    batch_size: int
    steps: int

    @classmethod
    def of(
        cls,
        examples: int,
        *,
        batch_size: int | Literal["all"],
        epochs: int | None,
        steps: int | None,
        whole: bool = False,
    ) -> "Course":
        """The course of a training on `examples` for so many epochs or, where given, `steps`.

        `whole` batches alone are those of a text, in which each example of a batch goes on in the
        next one.
        """
        size = examples if batch_size == "all" else batch_size
        # Batch norm has no variance of one example. A batch size of 1 is taken at its word.
        used = examples - 1 if size > 1 and examples % size == 1 else examples
        if whole:
            used = max(examples - examples % size, size)
        batches = -(-used // size)
        return cls(
            examples=used,
            batch_size=size,
            steps=(epochs or 0) * batches if steps is None else steps,
        )

    @property
    def batches(self) -> int:
        """Batches of a whole epoch."""
        return -(-self.examples // self.batch_size)

    @property
    def epochs(self) -> int:
        """Epochs, the last of which may be cut short by the number of steps."""
        return -(-self.steps // self.batches)

    def last_batch_of(self, epoch: int) -> int:
        """How many batches are trained on in an epoch (1-based)."""
        return min(self.batches, self.steps - (epoch - 1) * self.batches)

    def size_of(self, batch: int) -> int:
        """Examples of a batch (0-based, in its epoch)."""
        return min(self.batch_size, self.examples - batch * self.batch_size)

    def evaluates(self, epoch: int) -> bool:
        """Whether the network is evaluated after an epoch: after each, where they are not many."""
        return epoch % self._every == 0 or epoch == self.epochs

    @property
    def evaluations(self) -> int:
        """How many epochs the network is evaluated after."""
        return -(-self.epochs // self._every)

    @property
    def _every(self) -> int:
        return max(1, -(-self.epochs // MOST_EVALUATIONS))
