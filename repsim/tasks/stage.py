"""What a worker tells about the network it is at."""

from dataclasses import dataclass

__all__ = ["Stage"]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """How far a network is."""

    network: str
    name: str
    """``training`` (counted in epochs) or ``capturing`` (counted in examples)."""
    done: int
    total: int
    accuracy: float | None = None
    """On the test split after the last epoch."""
