"""The processes that train one network together: which part each has, and how they agree.

Every rank holds the whole network and takes every step; it has a part of each batch. What is said
between ranks here goes through the processors, so that no GPU is waited for; gradients go the way
of torch's process group.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

from repsim.errors import StudyError
from repsim.study import Course
from repsim.training.batch_norm import over_all_ranks

__all__ = ["ALONE", "Ranks"]


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """This process among those that train one network.

    A process that is alone, `ALONE`, gets back what it gives. Every method but `part` waits for all
    ranks: all must call it, in the same order.

    Examples
    --------
    >>> batch = np.arange(5)
    >>> [Ranks(rank=rank, size=2).part(batch).tolist() for rank in (0, 1)]
    [[0, 1, 2], [3, 4]]
    >>> ALONE.part(batch).tolist()
    [0, 1, 2, 3, 4]
    """

    rank: int = 0
    size: int = 1
    group: dist.ProcessGroup | None = None
    """Of gloo, between the processors of all ranks."""

    @classmethod
    def of_process_group(cls) -> "Ranks":
        """The ranks of torch's process group, which whoever started the processes has set up."""
        group = dist.new_group(backend="gloo")
        assert isinstance(group, dist.ProcessGroup)  # all ranks are members
        return cls(rank=dist.get_rank(), size=dist.get_world_size(), group=group)

    @property
    def first(self) -> bool:
        """Whether this is the rank that writes and reports."""
        return self.rank == 0

    def part(self, batch: np.ndarray) -> np.ndarray:
        """This rank's part of a batch: consecutive, and as long as any other's or one longer."""
        return np.array_split(batch, self.size)[self.rank]

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """For each flag, whether it is up in any rank."""
        if self.size == 1:
            return flags
        raised = torch.tensor(flags, dtype=torch.uint8)
        dist.all_reduce(raised, dist.ReduceOp.MAX, group=self.group)
        return tuple(bool(flag) for flag in raised)

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Sum over the ranks of float64 arrays of one shape; the same bits in every rank."""
        if self.size > 1:
            values = values.copy()
            dist.all_reduce(torch.from_numpy(values), group=self.group)
        return values

    def wait(self) -> None:
        """Return when every rank has come here."""
        self.any(False)

    def from_first(self, contents: Sequence[bytes]) -> Iterator[bytes]:
        """The contents that the first rank has, one after the other; the others' do not count."""
        if self.size == 1:
            yield from contents
            return
        sizes = self.sum(np.array([len(contents) if self.first else 0], dtype=np.float64))
        for index in range(int(sizes[0])):
            content = contents[index] if self.first else b""
            length = int(self.sum(np.array([len(content)], dtype=np.float64))[0])
            received = np.zeros(length, dtype=np.uint8)
            if self.first:
                received[:] = np.frombuffer(content, dtype=np.uint8)
            dist.broadcast(torch.from_numpy(received), src=0, group=self.group)
            yield received.tobytes()

    def prepared(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The model, batch norm taken over the whole batch of a step."""
        return model if self.size == 1 else over_all_ranks(model, device)

    def replica(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The model as it is called in a step: gradients become the mean over the ranks.

        Weights and buffers become those of the first rank.
        """
        if self.size == 1:
            return model
        index = [device.index or 0] if device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(model, device_ids=index)

    def check_batches(self, course: Course) -> None:
        """Refuse an epoch in which a rank would have no example of some batch.

        Raises
        ------
        StudyError
            When a batch, perhaps the last, has fewer examples than there are ranks.
        """
        smallest = course.size_of(course.batches - 1)
        if smallest < self.size:
            raise StudyError(
                f"Expected batches of at least {self.size} examples, one for each process that "
                f"trains the network. Got {smallest} in the last batch of an epoch "
                f"({course.examples} examples in batches of {course.batch_size}). Give a network "
                "fewer GPUs, or choose another training.batch_size."
            )


ALONE = Ranks()
