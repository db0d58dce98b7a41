"""The function of two arrays that each measure is to a user of Python."""

import inspect
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from repsim.errors import CautionWarning
from repsim.measures.contract.cautions import caution_of, checked_value
from repsim.measures.contract.measure import Measure
from repsim.options import validated_options

__all__ = ["documented", "measured"]

Function = TypeVar("Function", bound=Callable[..., object])

LAYERS = {
    "moments": """
x, y
    Samples × neurons, (d, p) and (d, q), with the same samples in the same order; or the
    moments of the pair alone.
""",
    "examples": """
x, y
    Examples × neurons, (n, p) and (n, q), or examples × positions × neurons, of the same
    examples in the same order; or an `ExamplePair` alone. Time and memory rise with n².
""",
}


ERRORS = """
InputError
    When `y` is missing, or given beside a statistic of the pair.
StudyError
    For an option, or a value of it, that does not exist.
"""


def measured(options: type[Measure], x: Any, y: Any, **given: object) -> float:
    """The value of a measure of two layers, with a warning where it needs one.

    Parameters
    ----------
    options
        The measure.
    x, y
        Two arrays, or the statistic of the pair alone.
    **given
        The options.

    Warns
    -----
    CautionWarning
        With what to know before relying on the value.
    """
    name = options.__module__.rpartition(".")[2]
    measure = validated_options(options, given, f"measure {name!r}")
    statistic = measure.statistic_of(x, y)
    value = checked_value(measure, statistic)
    words = caution_of(measure, statistic, value)
    if words:
        warnings.warn(CautionWarning(words), stacklevel=3)
    return value


def documented(options: type[Measure]) -> Callable[[Function], Function]:
    """Add what holds for every measure to the docstring of one: its layers and its errors."""

    def complete(function: Function) -> Function:
        text = inspect.cleandoc(function.__doc__ or "")
        for heading, shared in (
            ("Parameters\n----------", LAYERS[options.statistic]),
            ("Raises\n------", ERRORS),
        ):
            if heading not in text:
                text = text.replace("References\n", f"{heading}\n\nReferences\n", 1)
            text = text.replace(f"{heading}\n", f"{heading}{shared}", 1)
        function.__doc__ = text
        return function

    return complete
