"""What every analysis is: a function of a network at a step, and tables of what it found."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from repsim.objective import Objective
from repsim.options import StrictOptions
from repsim.study import Course, Training

if TYPE_CHECKING:
    import torch
    from torch import nn

    from repsim.data import DataSource

__all__ = ["Analysis", "Measured", "Quantity", "Snapshot"]


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A network at a step of its training, and what it is trained on."""

    model: "nn.Module"
    """In evaluation mode, on the device."""
    source: "DataSource"
    objective: Objective | None
    training: Training
    course: Course
    step: int | None
    """None of given weights, and of the best state."""
    device: "torch.device"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What an analysis measured of one network at one step."""

    step: int | None
    arrays: Mapping[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A number of the table of analyses."""

    quantity: str
    value: float
    coordinate: float = 0.0
    """What the quantity is a function of beside the step, such as how many eigenvectors."""


class Analysis(StrictOptions, ABC):
    """An analysis with its options, which are its fields.

    It is measured once for each network and snapshot, on a worker that trains, and summarised for
    each network where the report is written.
    """

    def check(self, source: "DataSource", objective: Objective | None) -> None:
        """Refuse data that it has no value for, with a StudyError, before anything is trained."""

    def operations(self, examples: int, network: int) -> int:
        """About how many floating-point operations it takes.

        Parameters
        ----------
        examples
            Of the training split.
        network
            Operations of one example's way through the network.
        """
        return examples * network

    def memory(self, examples: int, parameters: int) -> int:  # noqa: ARG002 - for overriding ones
        """About how many bytes it takes at its peak."""
        return 0

    @abstractmethod
    def measure(self, snapshot: Snapshot) -> Mapping[str, np.ndarray]:
        """Named arrays that are kept in the store: the costly part."""

    @abstractmethod
    def summarise(self, states: Sequence[Measured]) -> Iterator[tuple[int, Quantity]]:
        """What the table says of one network.

        Parameters
        ----------
        states
            Of one network, by rising step, those without a step last.

        Yields
        ------
        int, Quantity
            The place of the state in `states`, and a number of it.
        """
