"""A shared dominant component makes a block; without it the block is gone."""

import numpy as np
import pytest

from repsim.across import (
    first_component,
    first_component_cosines,
    heatmap,
    longest_block,
    without_first_component,
)
from repsim.errors import InputError
from repsim.examples import ExampleGram
from tests.repsim.across.made_networks import random_walk, with_dominant_component


def test_a_dominant_component_makes_a_block_and_its_removal_unmakes_it():
    layers = list(with_dominant_component(8, inside=range(2, 6)))
    alike = heatmap(layers, debiased=True)
    block = longest_block(alike)
    assert (block.start, block.stop, block.size) == (2, 6, 4)
    assert block.mean > 0.95
    components = [first_component(ExampleGram.from_features(layer)) for layer in layers]
    shares = np.array([component.share for component in components])
    assert shares[2:6].min() > 0.9
    assert shares[[0, 1, 6, 7]].max() < 0.3
    cosines = first_component_cosines(components, components)
    assert cosines[2:6, 2:6].min() > 0.95
    assert cosines[2:6, [0, 1, 6, 7]].max() < 0.5
    rest = heatmap(layers, debiased=True, first_component="removed")
    assert longest_block(rest) is None
    assert np.abs(rest[~np.eye(8, dtype=bool)]).max() < 0.3


def test_the_block_of_another_network_is_another():
    a = list(with_dominant_component(6, inside=range(1, 5)))
    b = list(with_dominant_component(6, inside=range(1, 5), seed=1))
    assert heatmap(a, b, debiased=True)[1:5, 1:5].max() < 0.2


def test_the_component_is_the_first_singular_vector_of_the_centred_layer():
    x = random_walk(1)[0] + 3
    component = first_component(ExampleGram.from_features(x))
    left, values, right = np.linalg.svd(x - x.mean(axis=0))
    assert component.share == pytest.approx(values[0] ** 2 / np.sum(values**2))
    assert component.variance == pytest.approx(values[0] ** 2)
    assert abs(component.scores @ left[:, 0]) == pytest.approx(1)
    assert component.scores[np.argmax(np.abs(component.scores))] > 0
    rest = without_first_component(ExampleGram.from_features(x), component).gram
    projected = (x - x.mean(axis=0)) @ (np.eye(12) - np.outer(right[0], right[0]))
    np.testing.assert_allclose(rest, projected @ projected.T, atol=1e-9)


def test_a_constant_layer_has_no_component():
    component = first_component(ExampleGram.from_features(np.full((5, 2), 3.0)))
    assert np.isnan(component.share)
    assert np.isnan(first_component_cosines([component], [component])).all()
    gram = ExampleGram.from_features(np.full((5, 2), 3.0))
    assert not without_first_component(gram, component).gram.any()


@pytest.mark.parametrize(
    ("layers", "alike", "expected"),
    [
        (8, [(2, 5)], (2, 5)),
        (12, [(0, 3)], (0, 3)),  # a quarter is enough
        (13, [(0, 3)], None),  # three of thirteen are not
        (8, [(0, 2)], None),  # two are neighbours, and no block
        (4, [(0, 4)], (0, 4)),  # all of them are a block too
        (3, [(1, 2)], None),  # one layer is none
        (8, [(0, 3), (4, 8)], (4, 8)),  # the longest
        (1, [], None),
    ],
)
def test_a_block_is_the_longest_run_that_is_alike(layers, alike, expected):
    similarity = np.full((layers, layers), 0.1)
    for start, stop in alike:
        similarity[start:stop, start:stop] = 0.97
    np.fill_diagonal(similarity, 1.0)
    found = longest_block(similarity)
    assert (found and (found.start, found.stop)) == expected


def test_of_runs_of_one_length_the_more_alike_is_taken():
    similarity = np.eye(8)
    similarity[0:3, 0:3], similarity[4:7, 4:7] = 0.91, 0.99
    np.fill_diagonal(similarity, 1.0)
    block = longest_block(similarity)
    assert (block.start, block.mean) == (4, pytest.approx(0.99))


def test_the_diagonal_and_undefined_values_make_no_block():
    similarity = np.full((4, 4), 0.88)
    np.fill_diagonal(similarity, 1.0)
    assert similarity.mean() > 0.9
    assert longest_block(similarity) is None
    similarity = np.full((4, 4), 0.95)
    similarity[0, 1:] = np.nan
    assert longest_block(similarity).start == 1


@pytest.mark.usefixtures("unchecked_shapes")
def test_a_table_of_two_networks_is_refused():
    with pytest.raises(InputError, match=r"Expected layers × layers of one network"):
        longest_block(np.ones((2, 3)))
