"""Two networks, or one with itself: every heatmap, and which measure finds the same layer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Float64

from repsim.across.averaged_moments import of_moments
from repsim.across.heatmap import products
from repsim.across.identification import Identification, identify
from repsim.errors import InputError
from repsim.examples import ExampleGram, Features, LayerExamples
from repsim.examples.first_component import (
    FIRST_COMPONENT_COSINE,
    FirstComponent,
    first_component_cosines,
    without_first_component,
)
from repsim.measures import ExamplesMeasure, Measure
from repsim.measures.cka import LinearCKA

__all__ = ["NetworkComparison", "NetworkLayers", "compare_networks"]

Item = TypeVar("Item")
Vector = Float64[np.ndarray, " m"]
Matrix = Float64[np.ndarray, "l m"]


@dataclass(frozen=True, kw_only=True, eq=False)
class NetworkLayers:
    """The layers of one network in the order of depth, with one kind of features.

    Parameters
    ----------
    names
        Of the layers.
    features
        What stands for their feature maps.
    grams, components
        Their inner products of examples, and first components.
    layers
        The averaged features, for measures of moments.
    """

    names: tuple[str, ...]
    features: Features
    grams: tuple[ExampleGram, ...]
    components: tuple[FirstComponent, ...]
    layers: tuple[LayerExamples, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class NetworkComparison:
    """The comparison of two networks, by the id of the measure."""

    values: dict[str, Matrix]
    identification: dict[str, Identification]


def compare_networks(
    a: NetworkLayers,
    b: NetworkLayers,
    *,
    shown: Sequence[Measure],
    identified: Sequence[Measure],
) -> NetworkComparison:
    """All layers of A with all layers of B.

    Parameters
    ----------
    a, b
        Networks with the same features; the same object for what is within a network.
    shown
        Measures whose values are kept. The cosines of first components, and CKA without these,
        come with them.
    identified
        Measures for which it is counted how often the layer of the same name is the most similar
        one, both ways. Within a network it always is, so nothing is counted; measures of moments
        take averaged features only.
    """
    keep = {measure.convention for measure in shown}
    find = {} if a is b else {measure.convention: measure for measure in identified}
    values: dict[str, Matrix] = {}
    found: dict[str, Identification] = {}
    vectors = {m.convention: m for m in (*shown, *find.values()) if isinstance(m, ExamplesMeasure)}
    for convention, measure in vectors.items():
        matrix = _table(a.grams, b.grams, measure.unit_vector)
        if convention in keep:
            values[convention] = matrix
        if convention in find:
            found[convention] = _both_ways(a, b, measure, matrix, matrix.T)
    values[FIRST_COMPONENT_COSINE] = first_component_cosines(a.components, b.components)
    values |= _without_first_components(a, b)
    if a.features == "averaged":
        both = {m.convention: m for m in (*shown, *find.values())}
        of_pairs = [m for m in both.values() if not isinstance(m, ExamplesMeasure)]
        for other, there, back in _moments_both_ways(a, b, of_pairs):
            if other.convention in keep:
                values[other.convention] = there
            if other.convention in find:
                found[other.convention] = _both_ways(a, b, other, there, back)
    return NetworkComparison(values=values, identification=found)


def _table(
    items_a: Sequence[Item], items_b: Sequence[Item], vector: Callable[[Item], Vector]
) -> Matrix:
    """All values; NaN where there are too few examples for the measure."""
    try:
        return products(items_a, items_b, vector)
    except InputError:
        return np.full((len(items_a), len(items_b)), np.nan)


def _without_first_components(a: NetworkLayers, b: NetworkLayers) -> dict[str, Matrix]:
    cka = LinearCKA(debiased=True, features=a.features)
    removed = cka.model_copy(update={"first_component": "removed"})

    def vector(layer: tuple[ExampleGram, FirstComponent]) -> Vector:
        return cka.unit_vector(without_first_component(*layer))

    first = list(zip(a.grams, a.components, strict=True))
    second = first if a is b else list(zip(b.grams, b.components, strict=True))
    return {removed.convention: _table(first, second, vector)}


def _moments_both_ways(
    a: NetworkLayers, b: NetworkLayers, measures: Sequence[Measure]
) -> list[tuple[Measure, Matrix, Float64[np.ndarray, "m l"]]]:
    """Measures of moments from A to B and back, which is computed only where it differs."""
    if not measures:
        return []
    there = of_moments(a.layers, b.layers, measures)
    other_way = [m for m in measures if not m.properties.symmetric]
    back = iter(of_moments(b.layers, a.layers, other_way) if other_way else ())
    return [
        (measure, values, values.T if measure.properties.symmetric else next(back))
        for measure, values in zip(measures, there, strict=True)
    ]


def _both_ways(
    a: NetworkLayers,
    b: NetworkLayers,
    measure: Measure,
    there: Matrix,
    back: Float64[np.ndarray, "m l"],
) -> Identification:
    larger = measure.properties.larger_is_more_similar
    return identify(there, a.names, b.names, larger_is_more_similar=larger) + identify(
        back, b.names, a.names, larger_is_more_similar=larger
    )
