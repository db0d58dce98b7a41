"""How values go with depth, in words that hold at every layer."""

from collections.abc import Sequence

import numpy as np

from repsim.report.phrasing import code, number
from repsim.report.summary import Floats

__all__ = ["course"]

# A range over depth smaller than this is not called a change (our reading).
SMALL_CHANGE = 0.10
# More rises, falls and level runs than this are not told one by one.
MOST_LEGS = 3


def course(values: Floats, names: Sequence[str]) -> str:
    """How values go with depth: `falls from …, then rises to …`. At least two finite values.

    >>> course(np.array([0.5, 0.0, 0.0, 0.1]), ["a", "b", "c", "d"])
    'falls from 0.50 at `a` to 0.00 at `b`, stays there to `c`, then rises to 0.10 at `d`'
    """
    known = np.isfinite(values)
    values, names = values[known], [n for n, there in zip(names, known, strict=True) if there]
    low, high = int(values.argmin()), int(values.argmax())
    if values[high] - values[low] < SMALL_CHANGE:
        if number(values[low]) == number(values[high]):
            return f"is {number(values[low])} at every layer"
        return f"stays between {number(values[low])} and {number(values[high])}"
    legs = _legs(values)
    if len(legs) > MOST_LEGS:
        return _extremes(values, names)
    words = []
    for place, (start, stop) in enumerate(legs):
        then = "then " if 0 < place == len(legs) - 1 else ""
        begin = f" from {_at(values, names, start)}" if place == 0 else ""
        if _sign(values[start], values[stop]) == 0:
            level = f" at {number(values[start])}" if place == 0 else " there"
            words.append(f"{then}stays{level} to {code(names[stop])}")
        else:
            verb = "rises" if values[stop] > values[start] else "falls"
            words.append(f"{then}{verb}{begin} to {_at(values, names, stop)}")
    return ", ".join(words)


def _legs(values: Floats) -> list[tuple[int, int]]:
    """Runs of layers, as first and last place, that only rise, only fall, or print alike."""
    legs: list[tuple[int, int]] = []
    signs: list[int] = []
    for stop in range(1, len(values)):
        sign = _sign(values[stop - 1], values[stop])
        if legs and sign == signs[-1]:
            legs[-1] = (legs[-1][0], stop)
        else:
            legs.append((stop - 1, stop))
            signs.append(sign)
    return legs


def _sign(first: float, second: float) -> int:
    return 0 if number(first) == number(second) else int(np.sign(second - first))


def _extremes(values: Floats, names: Sequence[str]) -> str:
    """The first, the lowest, the highest and the last value, in the order of depth."""
    low, high, last = int(values.argmin()), int(values.argmax()), len(values) - 1
    called = {low: " (the lowest)", high: " (the highest)"}
    first, *between, end = (
        f"{_at(values, names, place)}{called.get(place, '')}"
        for place in sorted({0, low, high, last})
    )
    return f"goes from {first}{' by way of ' if between else ''}{' and '.join(between)} to {end}"


def _at(values: Floats, names: Sequence[str], place: int) -> str:
    return f"{number(values[place])} at {code(names[place])}"
