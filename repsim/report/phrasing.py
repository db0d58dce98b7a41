"""Small pieces of sentences: numbers, lists and names.

Names stand between backticks; the page turns them into code after it has escaped them.
"""

import math
from collections.abc import Sequence

from repsim.text import count

# What differs from 0 or 1 by less is rounding of a mean.
_EXACT = 1e-9


def number(value: float) -> str:
    """A similarity to two places that never rounds to a false 0 or 1.

    >>> number(0.4567), number(0.0), number(0.004), number(-0.004), number(0.996)
    ('0.46', '0.00', '< 0.01', '> -0.01', '> 0.99')
    """
    if _EXACT < value < 0.005:
        return "< 0.01"
    if -0.005 < value < -_EXACT:
        return "> -0.01"
    if 0.995 <= value < 1 - _EXACT:
        return "> 0.99"
    return f"{value + 0.0 if abs(value) >= 0.005 else 0.0:.2f}"


def resolved(value: float, low: float, high: float) -> tuple[str, str, str]:
    """A value and the ends of its interval, with as many places as show a width that there is.

    >>> resolved(0.789, 0.787, 0.79), resolved(0.5, 0.4, 0.6), resolved(1.0, 1.0, 1.0)
    (('0.789', '0.787', '0.790'), ('0.50', '0.40', '0.60'), ('1.00', '1.00', '1.00'))
    """
    for places in (3, 4):
        if number(low) != number(high) or low == high:
            break
        if f"{low:.{places}f}" != f"{high:.{places}f}" or places == 4:
            return f"{value:.{places}f}", f"{low:.{places}f}", f"{high:.{places}f}"
    return number(value), number(low), number(high)


def ceiling(value: float) -> str:
    """A bound from above to two places: rounded up, so that it holds as it is printed.

    >>> ceiling(0.741), ceiling(0.74)
    ('0.75', '0.74')
    """
    return f"{math.ceil(100 * value - _EXACT) / 100:.2f}"


def near(epsilon: float) -> str:
    """An epsilon that was found, to two places, or to one digit where that would be 0.

    >>> near(0.3764), near(0.0021)
    ('0.38', '0.002')
    """
    return f"{epsilon:.2f}" if epsilon >= 0.01 else f"{epsilon:.1g}"


def tolerance(epsilon: float) -> str:
    """An epsilon as the study wrote it.

    >>> tolerance(0.3), tolerance(0.125)
    ('0.3', '0.125')
    """
    return f"{epsilon:.4g}"


def percent(share: float) -> str:
    """A share as a percentage that never rounds to a false 100 or 0.

    >>> percent(0.9714), percent(0.99996), percent(1.0)
    ('97.1 %', '> 99.9 %', '100.0 %')
    """
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    if 0 < share < 0.0005:
        return "< 0.1 %"
    return f"{100 * share:.1f} %"


def code(name: str) -> str:
    """A name between backticks; one inside it would end it early."""
    return f"`{name.replace('`', '´')}`"


def listing(names: Sequence[str], *, most: int = 3) -> str:
    """Names in a row, the rest counted.

    >>> listing(["a", "b"]), listing(["a", "b", "c", "d", "e"])
    ('`a` and `b`', '`a`, `b`, `c` and 2 others')
    """
    shown = [code(name) for name in names[:most]]
    rest = len(names) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {count(rest, 'other')}"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def plain(sentence: str) -> str:
    """The sentence without its backticks, where no code can be set."""
    return sentence.replace("`", "")
