"""Two networks at once: the same numbers as one measure at a time."""

import numpy as np
import pytest

from repsim.across import (
    FIRST_COMPONENT_COSINE,
    LinearCKA,
    across_measure,
    compare_networks,
    heatmap,
    identify,
)
from tests.repsim.across.made_networks import network, random_walk

CKA = LinearCKA(debiased=True)


def twins(layers=4, noise=0.3):
    """Two networks with the same layers up to rotation and noise."""
    first = random_walk(layers, step=1.5)
    generator = np.random.default_rng(5)
    second = []
    for layer in first:
        rotation = np.linalg.qr(generator.normal(size=(12, 12)))[0]
        second.append(layer @ rotation + noise * generator.normal(size=layer.shape))
    return first, second


def test_values_are_those_of_the_heatmaps():
    first, second = twins()
    found = compare_networks(network(first), network(second), shown=[CKA], identified=[])
    assert set(found.values) == {
        "cka[linear,centred,debiased,averaged]",
        "cka[linear,centred,debiased,first component removed,averaged]",
        FIRST_COMPONENT_COSINE,
    }
    np.testing.assert_allclose(
        found.values[CKA.convention], heatmap(first, second, debiased=True), atol=1e-12
    )
    removed = heatmap(first, second, debiased=True, first_component="removed")
    rest = found.values["cka[linear,centred,debiased,first component removed,averaged]"]
    np.testing.assert_allclose(rest, removed, atol=1e-12)
    assert found.identification == {}


def test_corresponding_layers_are_found_both_ways():
    first, second = twins()
    names = ["cka", "rsa", "rbf_cka", "mutual_knn", "svcca", "cca"]
    measures = [across_measure(name, {}, "averaged") for name in names]
    found = compare_networks(network(first), network(second), shown=[], identified=measures)
    for measure in measures:
        counts = found.identification[measure.convention]
        assert (counts.correct, counts.total, counts.chance) == (8, 8, 0.25)


def test_a_measure_that_is_not_symmetric_is_computed_both_ways():
    first, second = twins(noise=3.0)
    measure = across_measure("linear_regression", {}, "averaged")
    assert not measure.properties.symmetric
    found = compare_networks(network(first), network(second), shown=[], identified=[measure])
    there = heatmap(first, second, "linear_regression")
    back = heatmap(second, first, "linear_regression")
    assert not np.allclose(there, back.T)
    names = [f"relu{place}" for place in range(4)]
    expected = identify(there, names, names) + identify(back, names, names)
    assert found.identification[measure.convention] == expected


def test_within_a_network_nothing_is_to_be_found():
    one = network(random_walk(3))
    found = compare_networks(one, one, shown=[CKA], identified=[CKA])
    assert found.identification == {}
    np.testing.assert_allclose(found.values[CKA.convention].diagonal(), 1)


def test_networks_of_different_depth_have_a_table_that_is_not_square():
    a, b = network(random_walk(3)), network(random_walk(5, seed=1))
    found = compare_networks(a, b, shown=[CKA], identified=[CKA])
    assert found.values[CKA.convention].shape == (3, 5)
    assert found.identification[CKA.convention].total == 6
    # Three layers choose from five, three from three.
    assert found.identification[CKA.convention].expected == pytest.approx(3 / 5 + 3 / 3)


def test_flattened_maps_leave_measures_of_moments_out():
    maps = [np.random.default_rng(seed).normal(size=(30, 4, 3)) for seed in range(2)]
    a, b = network(maps, features="flattened"), network(maps[::-1], features="flattened")
    measures = [across_measure(name, {}, "flattened") for name in ("cka", "svcca")]
    found = compare_networks(a, b, shown=[], identified=measures)
    assert list(found.identification) == ["cka[linear,centred,biased,flattened]"]


def test_too_few_examples_for_a_measure_leave_it_undefined():
    a, b = network(random_walk(2, examples=8)), network(random_walk(2, examples=8, seed=1))
    measure = across_measure("mutual_knn", {"k": 7}, "averaged")
    found = compare_networks(a, b, shown=[], identified=[measure])
    assert found.identification[measure.convention].undefined == 4
