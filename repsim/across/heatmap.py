"""How similar each layer of one network is to each layer of another, or of the same."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from jaxtyping import Float64

from repsim.across.averaged_moments import of_moments
from repsim.errors import InputError
from repsim.examples import Features, LayerExamples
from repsim.measures import ExamplesMeasure, Measure, load_measure, measure_class
from repsim.moments import ArrayLike
from repsim.options import validated_options

__all__ = ["across_measure", "heatmap", "products"]

Item = TypeVar("Item")


def across_measure(name: str, options: Mapping[str, object], features: Features) -> Measure:
    """A measure for layers of different shapes, by name.

    It is taken by examples × examples where it can be, as of flattened maps it must be. Other
    measures take averaged features, the examples as samples.
    """
    by_examples = measure_class(name).by_examples()
    if by_examples is None:
        return load_measure(name, options)
    given = {**options, "features": features}
    return validated_options(by_examples, given, f"measure {name!r} across layers")


def heatmap(
    layers_a: Sequence[LayerExamples | ArrayLike],
    layers_b: Sequence[LayerExamples | ArrayLike] | None = None,
    measure: str = "cka",
    *,
    features: Features = "averaged",
    **options: object,
) -> Float64[np.ndarray, "l m"]:
    """The similarity of every layer of A with every layer of B.

    Parameters
    ----------
    layers_a, layers_b
        Layers as `LayerExamples`, or arrays of examples × neurons or examples × positions ×
        neurons, all of the same examples in the same order. Without B, A with itself.
    measure, options
        ``"cka"`` (linear; `debiased`, `first_component`), any measure of examples, or one of
        moments: then features are averaged, examples are the samples, and a layer with as many
        neurons as there are examples gets NaN.
    features
        What stands for a feature map: ``"averaged"`` over positions, or ``"flattened"``.

    Returns
    -------
    array (layers of A, layers of B)
        For measures of examples one matrix product, so a layer more costs little. Memory beside
        the layers: 4 n² bytes for each layer of A with n examples, or 8 n² for neighbours.

    Raises
    ------
    InputError
        When layers hold different numbers of examples, or maps cannot be flattened.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(50, 4))
    >>> np.round(heatmap([x, x[:, :2]], [3 * x]), 3)
    array([[1.   ],
           [0.611]])
    """
    a = _as_layers(layers_a)
    b = a if layers_b is None else _as_layers(layers_b)
    counts = sorted({layer.count for layer in (*a, *b)})
    if len(counts) != 1:
        raise InputError(
            f"Expected the same examples in all layers. Got layers of {counts} examples. All must "
            "hold the same inputs in the same order."
        )
    known = across_measure(measure, options, features)
    if isinstance(known, ExamplesMeasure):
        first = [layer.features(features) for layer in a]
        second = first if b is a else [layer.features(features) for layer in b]
        return products(first, second, known.unit_vector)
    if features != "averaged":
        raise InputError(
            f"Expected averaged features for {measure!r}. Got {features!r}: flattened maps have, "
            "as a rule, more features than there are examples."
        )
    (values,) = of_moments(a, b, [known])
    return np.asarray(values)


def products(
    items_a: Sequence[Item],
    items_b: Sequence[Item],
    vector: Callable[[Item], Float64[np.ndarray, " m"]],
) -> Float64[np.ndarray, "l m"]:
    """Inner products of the unit vectors of A with those of B, which are made one at a time."""
    first: np.ndarray | None = None
    for place, item in enumerate(items_a):
        made = vector(item)
        if first is None:
            first = np.empty((len(items_a), len(made)))
        first[place] = made
    assert first is not None  # There is at least one layer.
    values = np.empty((len(items_a), len(items_b)))
    for place, item in enumerate(items_b):
        values[:, place] = first @ (first[place] if items_b is items_a else vector(item))
    np.clip(values, -1.0, 1.0, out=values)
    return values


def _as_layers(layers: Sequence[LayerExamples | ArrayLike]) -> list[LayerExamples]:
    if not len(layers):
        raise InputError("Expected at least one layer. Got none.")
    return [
        layer if isinstance(layer, LayerExamples) else LayerExamples.from_array(layer)
        for layer in layers
    ]
