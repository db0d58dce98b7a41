"""Values checked against their bounds, and warnings about those that need care."""

import math
from typing import Any

import numpy as np

from repsim.errors import InputError
from repsim.examples import ExamplePair
from repsim.measures.contract.measure import ExamplesMeasure, Measure
from repsim.moments import Moments
from repsim.moments.principal import principal
from repsim.origin import coarse_caution

__all__ = ["caution_of", "checked_value", "value_and_caution"]

# A value that is outside the bounds of its measure by more than this is not rounding.
SLACK = 1e-6

# An error that a reader of two or three digits would see.
VISIBLE = 1e-3


def value_and_caution(measure: Measure, statistic: Any) -> tuple[float | None, str]:
    """The value for a table, or None, and what to know about it or why there is none."""
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
    found.append(measure.caution(statistic))
    if isinstance(statistic, Moments):
        found.append(coarse_caution(statistic.origin_x.coarse, statistic.origin_y.coarse))
        if not math.isnan(value):
            found += [_samples(measure, statistic), _digits(measure, statistic)]
            found.append(_dependent(measure, statistic))
    if isinstance(statistic, ExamplePair):
        found.append(coarse_caution(statistic.x.coarse, statistic.y.coarse))
        if not math.isnan(value):
            found.append(_distances(measure.rounding(statistic)))
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
    if isinstance(statistic, ExamplePair) and isinstance(measure, ExamplesMeasure):
        undefined = [
            name
            for name, layer in (("X", statistic.x), ("Y", statistic.y))
            if np.isnan(measure.unit_vector(layer)).any()
        ]
        if undefined:
            return f"Not defined for {' and '.join(undefined)}: {measure.undefined}."
    if isinstance(statistic, Moments):
        pair = principal(statistic, centred=measure.centred)
        constant = [name for name, layer in (("X", pair.x), ("Y", pair.y)) if not len(layer.live)]
        if constant:
            what = "constant over the samples" if measure.centred else "zero"
            return f"Not defined: every neuron of {' and '.join(constant)} is {what}."
    return "Not defined for these layers."


def _samples(measure: Measure, moments: Moments) -> str:
    """A warning where any two layers of this size look alike."""
    if not measure.saturates:
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
    """A warning where sums lost too many digits about the means."""
    error = measure.rounding(moments) if measure.centred else 0.0
    if error <= VISIBLE:
        return ""
    return (
        f"The value may be off by about {error:.1g}, since sums lost their digits: the means, or "
        "single samples, are far above the spread of the neurons. Subtract the means before the "
        "layers are summed, and look at the largest samples."
    )


def _distances(error: float) -> str:
    """A warning where distances between examples lost too many digits."""
    if error <= 10 * VISIBLE:
        return ""
    return (
        f"Distances between examples are known to about {error:.1g} of their size only: examples "
        "are much nearer to each other than to zero, or to others. Subtract what they share."
    )


def _dependent(measure: Measure, moments: Moments) -> str:
    """A warning where directions were left out, for measures that weigh all equally."""
    if not measure.spans:
        return ""
    pair = principal(moments, centred=measure.centred)
    left_out = [
        f"{len(layer.live) - layer.rank} of {len(layer.live)} live neurons of {name}"
        for name, layer in (("X", pair.x), ("Y", pair.y))
        if layer.rank < len(layer.live)
    ]
    if not left_out:
        return ""
    return (
        f"{' and '.join(left_out)} lie within a millionth of the span of others and were taken to "
        "be in it. If so small a difference matters, subtract what the neurons share, or the means."
    )
