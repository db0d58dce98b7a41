"""What every measure of examples promises, read from its properties, both ways."""

import itertools
from typing import get_args

import numpy as np
import pytest

import repsim.measures
from repsim.across import LinearCKA
from repsim.examples import ExamplePair, LayerExamples, example_pair
from repsim.measures import load_measure, measure_class
from repsim.measures.contract import Invariance
from tests.repsim.measures.changes import changed

VARIANTS = {
    "rsa": [
        {"distance": distance, "comparison": comparison}
        for distance, comparison in itertools.product(
            ["euclidean", "squared euclidean", "correlation", "cosine"], ["pearson", "spearman"]
        )
    ],
    "rbf_cka": [{}, {"debiased": True}, {"median": "without diagonal", "fraction": 1.0}],
    "cknna": [{"k": 5}],
    "mutual_knn": [{"k": 5}, {"k": 5, "distance": "euclidean"}],
    "minibatch_cka": [{}, {"batch": 16}],
}

MEASURES = [
    *(load_measure(name, options) for name, variants in VARIANTS.items() for options in variants),
    LinearCKA(),
    LinearCKA(debiased=True),
    LinearCKA(debiased=True, first_component="removed"),
]


@pytest.fixture(params=MEASURES, ids=lambda measure: measure.convention)
def measure(request):
    return request.param


def layers(n=48, p=6, q=5, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, p)) + generator.normal(size=p)
    return x, x @ generator.normal(size=(p, q)) + generator.normal(size=(n, q))


def value(measure, x, y):
    return measure.value(example_pair(x, y, measure.features))


def test_all_measures_of_examples_are_tried():
    names = repsim.measures.MEASURES.names
    of_examples = {name for name in names if measure_class(name).statistic == "examples"}
    assert of_examples == set(VARIANTS)


@pytest.mark.parametrize("change", get_args(Invariance))
@pytest.mark.parametrize("side", ["x", "y"])
def test_what_is_declared_and_nothing_else_leaves_the_value(measure, change, side):
    x, y = layers()
    before = value(measure, x, y)
    differences = []
    for seed in range(3):
        generator = np.random.default_rng(seed)
        moved = changed(change, x if side == "x" else y, generator)
        after = value(measure, moved, y) if side == "x" else value(measure, x, moved)
        differences.append(abs(after - before))
    if measure.properties.invariant_to(change, side):
        assert max(differences) < 1e-9
    else:
        assert max(differences) > 1e-4


def test_a_layer_is_best_like_itself_and_its_copies_in_another_order_of_neurons(measure):
    x, _ = layers()
    best = pytest.approx(measure.properties.best, abs=1e-9)
    assert value(measure, x, x) == best
    assert value(measure, x, x[:, ::-1]) == best


def test_a_copy_with_its_rows_in_another_order_is_a_stranger(measure):
    x, _ = layers()
    shuffled = x[np.random.default_rng(1).permutation(len(x))]
    assert value(measure, x, shuffled) < 0.7 * measure.properties.best


def test_bounds_and_symmetry(measure):
    properties = measure.properties
    for seed in range(5):
        x, y = layers(seed=seed)
        there, back = value(measure, x, y), value(measure, y, x)
        assert properties.least - 1e-12 <= there <= properties.most + 1e-12
        assert (there == pytest.approx(back, abs=1e-12)) == properties.symmetric


def test_related_layers_are_more_alike_than_strangers(measure):
    x, y = layers()
    stranger = np.random.default_rng(9).normal(size=y.shape)
    assert value(measure, x, y) > value(measure, x, stranger)


def test_examples_in_another_order_change_nothing_but_batches(measure):
    x, y = layers()
    order = np.random.default_rng(2).permutation(len(x))
    same = value(measure, x[order], y[order]) == pytest.approx(value(measure, x, y), abs=1e-9)
    assert same == ("batch=16" not in measure.convention)


def test_null_and_jackknife_are_changes_of_indices(measure):
    x, y = layers()
    pair = example_pair(x, y)
    order = np.roll(np.arange(len(x)), 5)
    permuted = measure.value(pair.permuted(order))
    assert permuted == pytest.approx(value(measure, x, y[order]), abs=1e-9)
    rest = measure.value(pair.without(range(8, 16)))
    kept = np.r_[0:8, 16 : len(x)]
    assert rest == pytest.approx(value(measure, x[kept], y[kept]), abs=1e-9)


@pytest.mark.parametrize("constant", [0.0, 3.7])
def test_a_layer_that_tells_no_examples_apart_has_no_value(measure, constant):
    _, y = layers()
    assert np.isnan(value(measure, np.full((len(y), 3), constant), y))


def test_a_convolution_takes_either_path(measure):
    """Averaged, positions do not count; flattened, a shift of one map makes another layer."""
    maps = np.random.default_rng(3).normal(size=(48, 9, 4))
    shifted = np.roll(maps, 2, axis=1)
    a, b = LayerExamples.from_array(maps), LayerExamples.from_array(shifted)
    permuted = LayerExamples.from_array(maps[:, :, ::-1])
    for features in ("averaged", "flattened"):
        best = measure.value(ExamplePair.from_layers(a, permuted, features))
        assert best == pytest.approx(1, abs=1e-9)
    assert measure.value(ExamplePair.from_layers(a, b, "averaged")) == pytest.approx(1, abs=1e-9)
    # The same shift of all examples permutes the flattened features, which is an orthogonal map.
    same = measure.value(ExamplePair.from_layers(a, b, "flattened"))
    assert same == pytest.approx(1, abs=1e-9)
    one = maps.copy()
    one[::2] = shifted[::2]
    other = ExamplePair.from_layers(a, LayerExamples.from_array(one), "flattened")
    assert measure.value(other) < 0.99
    averaged = ExamplePair.from_layers(a, LayerExamples.from_array(one), "averaged")
    assert measure.value(averaged) == pytest.approx(1, abs=1e-9)
