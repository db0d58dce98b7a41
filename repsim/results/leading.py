"""Which of the eigenvectors of a kernel count as leading, in claims and figures alike."""

from collections.abc import Iterable

__all__ = ["leading_rank"]

# As a share of the examples (our reading).
LEADING = 0.04


def leading_rank(ranks: Iterable[float], examples: float) -> float:
    """The rank in a table that is nearest to a share of so many examples; 0 if there is none.

    >>> leading_rank([1, 10, 38, 41, 400], 1024)
    41
    """
    wanted = max(1.0, LEADING * examples)
    return min(ranks, key=lambda rank: abs(rank - wanted), default=0.0)
