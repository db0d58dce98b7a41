"""Values that can be relied on, and words where they cannot."""

import math
import warnings
from typing import Any

import numpy as np

from repsim.errors import CautionWarning, InputError
from repsim.examples import ExamplePair
from repsim.measures.contract.protocol import Measure
from repsim.moments import Moments
from repsim.moments.principal import principal
from repsim.origin import Origin

__all__ = ["caution_of", "checked_value", "value_and_caution", "value_of"]

# A value that is outside the bounds of its measure by more than this is not rounding.
SLACK = 1e-6

# An error that a reader of two or three digits would see.
VISIBLE = 1e-3

# Numbers that are spaced by more than this share of a neuron's deviation: their rounding then adds
# more than a thousandth to its variance (spacing² / 12).
COARSE = 0.1


def value_of(measure: Measure, statistic: Any) -> float:
    """The value of a measure for a caller who sees nothing else.

    Warns
    -----
    CautionWarning
        With what to know before relying on it.
    """
    value = checked_value(measure, statistic)
    words = caution_of(measure, statistic, value)
    if words:
        warnings.warn(CautionWarning(words), stacklevel=3)
    return value


def value_and_caution(measure: Measure, statistic: Any) -> tuple[float | None, str]:
    """The value for a table, None where there is none, and what to know of it or why."""
    try:
        value = checked_value(measure, statistic)
    except InputError as problem:
        return None, str(problem)
    return None if math.isnan(value) else value, caution_of(measure, statistic, value)


def checked_value(measure: Measure, statistic: Any) -> float:
    """The value of a measure; NaN where it comes out outside the bounds that it declares."""
    value = measure.value(statistic)
    properties = measure.properties
    beyond = max(properties.least - value, value - properties.most)
    return float("nan") if beyond > SLACK * max(1.0, abs(properties.best)) else value


def caution_of(measure: Measure, statistic: Any, value: float) -> str:
    """What to know before relying on a value; empty when there is nothing."""
    found = [_undefined(measure, statistic)] if math.isnan(value) else []
    own = getattr(measure, "caution", None)
    if own is not None:
        found.append(own(statistic))
    if isinstance(statistic, Moments):
        found += [_resolution(statistic)]
        if not math.isnan(value):
            found += [_samples(measure, statistic), _digits(measure, statistic)]
    return " ".join(sentence for sentence in found if sentence)


def _undefined(measure: Measure, statistic: Any) -> str:
    """Why there is no value."""
    value = measure.value(statistic)
    if not math.isnan(value):
        least, most = measure.properties.least, measure.properties.most
        return (
            f"The value came out as {value:.4g}, which is outside {least:.4g} to {most:.4g}: the "
            "numbers of the layers do not have enough digits for this measure."
        )
    if isinstance(statistic, ExamplePair) and hasattr(measure, "unit_vector"):
        undefined = [
            name
            for name, layer in (("X", statistic.x), ("Y", statistic.y))
            if np.isnan(measure.unit_vector(layer)).any()
        ]
        if undefined:
            reason = getattr(measure, "undefined", "it is constant over the examples")
            return f"Not defined for {' and '.join(undefined)}: {reason}."
    if isinstance(statistic, Moments):
        pair = principal(statistic, centred=measure.centred)
        constant = [name for name, layer in (("X", pair.x), ("Y", pair.y)) if not len(layer.live)]
        if constant:
            what = "constant over the samples" if measure.centred else "zero"
            return f"Not defined: every neuron of {' and '.join(constant)} is {what}."
    return "Not defined for these layers."


def _samples(measure: Measure, moments: Moments) -> str:
    """That any two layers of this size look alike, where they do."""
    if getattr(measure, "debiased", False) or getattr(measure, "caution", None) is not None:
        return ""
    pair = principal(moments, centred=measure.centred)
    widest, free = max(len(pair.x.live), len(pair.y.live)), moments.count - measure.centred
    if widest < free:
        return ""
    return (
        f"Any two layers look alike with {widest} live neurons and {moments.count} samples: take "
        "more examples or positions."
    )


def _digits(measure: Measure, moments: Moments) -> str:
    """That sums lost too many digits about the means."""
    if not measure.centred:
        return ""
    pair = principal(moments, centred=True)
    rounding = float(8 * np.finfo(np.float64).eps * (1 + np.sqrt(moments.count)))
    lost = max(
        float(square.trace()) / layer.trace if layer.trace else 1.0
        for square, layer in ((moments.xx, pair.x), (moments.yy, pair.y))
    )
    # Fourth moments lose twice as many.
    error = rounding * (lost**2 if getattr(measure, "debiased", False) else lost)
    if error <= VISIBLE:
        return ""
    return (
        f"The value may be off by about {error:.1g}: the means are far above the spread of the "
        "neurons. Subtract them before the layers are summed."
    )


def _resolution(moments: Moments) -> str:
    """That the numbers as they were given hardly resolve the spread of some neurons."""
    centred = moments.centred()
    found = [
        f"{coarse} of {len(square)} neurons of {name}"
        for name, origin, square in (
            ("X", moments.origin_x, centred.xx),
            ("Y", moments.origin_y, centred.yy),
        )
        if (coarse := _coarse(origin, square, moments.count))
    ]
    if not found:
        return ""
    return (
        f"{' and '.join(found)} are so far from zero that their numbers, as they were given, are "
        f"spaced by more than {COARSE:g} of their deviation. Capture them in a wider dtype, or "
        "subtract their means before they are rounded."
    )


def _coarse(origin: Origin, square: np.ndarray, count: int) -> int:
    deviation = origin.scale * np.sqrt(square.diagonal() / max(count, 1))
    spacing = origin.resolution * np.abs(origin.shift)
    return int(np.sum((deviation > 0) & (spacing > COARSE * deviation)))
