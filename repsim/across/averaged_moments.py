"""Measures of moments between layers of different shapes: of averaged features."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float64

from repsim.errors import InputError
from repsim.examples import LayerExamples
from repsim.measures import Measure, checked_value
from repsim.moments import Moments

__all__ = ["of_moments"]


def of_moments(
    layers_a: Sequence[LayerExamples],
    layers_b: Sequence[LayerExamples],
    measures: Sequence[Measure],
) -> Float64[np.ndarray, "k l m"]:
    """Measures of moments, of features averaged over positions, with the examples as samples.

    NaN where a layer has as many neurons as there are examples: any two such layers have the same
    span, and not every measure refuses them. Decompositions of a layer are made once for all its
    pairs.

    Returns
    -------
    array (measures, layers of A, layers of B)
    """
    values = np.full((len(measures), len(layers_a), len(layers_b)), np.nan)
    own = {
        id(layer): Moments.from_arrays(layer.pooled, layer.pooled)
        for layer in (*layers_a, *layers_b)
    }
    for i, a in enumerate(layers_a):
        for j, b in enumerate(layers_b):
            if max(a.neurons, b.neurons) >= a.count:
                continue
            x, y = own[id(a)], own[id(b)]
            # Sharing the arrays of a layer is what lets measures share its decompositions.
            moments = Moments.from_arrays(a.pooled, b.pooled)
            moments = replace(moments, sum_x=x.sum_x, xx=x.xx, sum_y=y.sum_x, yy=y.xx)
            for k, measure in enumerate(measures):
                try:
                    values[k, i, j] = checked_value(measure, moments)
                except InputError:
                    continue
    return values
