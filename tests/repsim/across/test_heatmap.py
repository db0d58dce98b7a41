"""A heatmap is a table of values, however it is computed."""

import numpy as np
import pytest

from repsim.across import LinearCKA, heatmap
from repsim.errors import InputError, StudyError
from repsim.examples import LayerExamples, example_pair
from repsim.measures import load_measure
from repsim.measures.cka import cka
from repsim.moments import Moments
from tests.references_examples import literal_alignment
from tests.repsim.across.made_networks import random_walk

EXAMPLE_MEASURES = ("rsa", "rbf_cka", "mutual_knn", "minibatch_cka")


def test_linear_cka_is_that_of_the_moments():
    a, b = random_walk(3), random_walk(2, seed=1, neurons=7)
    expected = [[cka(x, y) for y in b] for x in a]
    np.testing.assert_allclose(heatmap(a, b), expected, atol=1e-12)


def test_debiased_cka_is_the_ratio_of_unbiased_estimates():
    a, b = random_walk(2, examples=7), random_walk(2, examples=7, seed=1)
    expected = [[literal_alignment(x @ x.T, y @ y.T, debiased=True) for y in b] for x in a]
    np.testing.assert_allclose(heatmap(a, b, debiased=True), expected, atol=1e-9)


@pytest.mark.parametrize("name", EXAMPLE_MEASURES)
def test_a_measure_of_examples_fills_the_table_pair_by_pair(name):
    a, b = random_walk(3), random_walk(2, seed=1, neurons=7)
    measure = load_measure(name, {})
    expected = [[measure.value(example_pair(x, y)) for y in b] for x in a]
    np.testing.assert_allclose(heatmap(a, b, name), expected, atol=1e-12)


def test_options_reach_the_measure():
    a = random_walk(3)
    assert not np.allclose(heatmap(a, a, "mutual_knn", k=3), heatmap(a, a, "mutual_knn", k=20))
    with pytest.raises(StudyError, match="Got 'bandwidth'"):
        heatmap(a, a, "rsa", bandwidth=1)
    with pytest.raises(StudyError, match=r"across layers\. Got .debiasd."):
        heatmap(a, a, "cka", debiasd=True)


def test_a_measure_of_moments_takes_averages_with_the_examples_as_samples():
    generator = np.random.default_rng(0)
    maps = [generator.normal(size=(60, 4, p)) for p in (3, 5, 70)]
    measure = load_measure("svcca", {})
    values = heatmap(maps, measure="svcca")
    for i in (0, 1):
        for j in (0, 1):
            pair = Moments.from_arrays(maps[i].mean(axis=1), maps[j].mean(axis=1))
            assert values[i, j] == pytest.approx(measure.value(pair), abs=1e-9)
    # As many neurons as examples: any two such layers span the same.
    assert np.isnan(values[2]).all()
    assert np.isnan(values[:, 2]).all()
    with pytest.raises(InputError, match="Expected averaged features for 'svcca'"):
        heatmap(maps, measure="svcca", features="flattened")


@pytest.mark.parametrize("features", ["averaged", "flattened"])
def test_maps_are_averaged_or_flattened(features):
    maps = [np.random.default_rng(seed).normal(size=(30, 5, 3)) for seed in range(2)]
    layers = [LayerExamples.from_array(m) for m in maps]
    rows = [m.mean(axis=1) if features == "averaged" else m.reshape(30, -1) for m in maps]
    np.testing.assert_allclose(heatmap(layers, features=features), heatmap(rows), atol=1e-12)


def test_a_layer_is_found_among_rotations_and_not_among_strangers():
    x = random_walk(1)[0]
    shuffled = x[np.random.default_rng(1).permutation(len(x))]
    values = heatmap([x], [x[:, ::-1], shuffled], debiased=True)
    assert values[0, 0] == pytest.approx(1)
    assert abs(values[0, 1]) < 0.1


def test_within_a_network_it_is_symmetric_with_ones():
    values = heatmap(random_walk(4), debiased=True)
    np.testing.assert_allclose(values, values.T, atol=1e-12)
    np.testing.assert_allclose(values.diagonal(), 1, atol=1e-12)
    np.testing.assert_array_less(values[0, 1:], values[0, :-1])  # it fades with distance


def test_a_constant_layer_has_no_value_and_harms_no_other():
    x = random_walk(2)
    values = heatmap([x[0], np.ones_like(x[0])], x)
    assert np.isfinite(values[0]).all()
    assert np.isnan(values[1]).all()


def test_biased_cka_of_more_features_than_examples_is_high_whatever_they_hold():
    """Why flattened maps want the debiased estimate."""
    wide = np.random.default_rng(0).normal(size=(2, 40, 4000))
    assert heatmap(list(wide[:1]), list(wide[1:]))[0, 0] > 0.9
    assert abs(heatmap(list(wide[:1]), list(wide[1:]), debiased=True)[0, 0]) < 0.1


def test_layers_of_other_examples_are_refused():
    with pytest.raises(InputError, match=r"Got layers of \[30, 80\] examples"):
        heatmap(random_walk(1), random_walk(1, examples=30))
    with pytest.raises(InputError, match="Expected at least one layer"):
        heatmap([])


def test_the_convention_names_every_value():
    assert LinearCKA().convention == "cka[linear,centred,biased,averaged]"
    removed = LinearCKA(debiased=True, first_component="removed", features="flattened")
    assert removed.convention == "cka[linear,centred,debiased,first component removed,flattened]"
