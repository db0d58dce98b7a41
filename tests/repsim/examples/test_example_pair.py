"""A pair of layers: what is done to its indices is done to its examples."""

import numpy as np
import pytest

from repsim.errors import InputError
from repsim.examples import ExampleGram, ExamplePair, example_pair
from repsim.examples.alignment import centred, half, u_centred, unit
from repsim.examples.distances import (
    correlations,
    cosines,
    distance_step,
    squared_distances,
    told_apart,
)


def arrays(n=9, p=3, q=4, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(n, p)) + 1, generator.normal(size=(n, q))


def same(a, b):
    for side in ("x", "y"):
        np.testing.assert_allclose(getattr(a, side).gram, getattr(b, side).gram, atol=1e-12)
        for what in (correlations, squared_distances):
            np.testing.assert_allclose(what(getattr(a, side)), what(getattr(b, side)), atol=1e-12)
    return True


def test_indices_stand_for_examples():
    x, y = arrays()
    pair = example_pair(x, y)
    order = np.random.default_rng(1).permutation(9)
    assert same(pair.permuted(order), example_pair(x, y[order]))
    assert same(pair.subset([4, 1]), example_pair(x[[4, 1]], y[[4, 1]]))
    kept = [0, 1, 2, 6, 7, 8]
    assert same(pair.without([3, 4, 5]), example_pair(x[kept], y[kept]))
    assert pair.count == 9


def test_maps_are_averaged_or_flattened():
    maps = np.random.default_rng(0).normal(size=(6, 5, 2))
    averaged, flattened = (example_pair(maps, maps, f) for f in ("averaged", "flattened"))
    assert same(averaged, example_pair(maps.mean(axis=1), maps.mean(axis=1)))
    assert same(flattened, example_pair(maps.reshape(6, -1), maps.reshape(6, -1)))


@pytest.mark.parametrize("order", [[0, 1], [0] * 9, list(range(1, 10))])
def test_an_order_holds_every_example_once(order):
    with pytest.raises(InputError, match="Expected an order that holds each of 0 to 8 once"):
        example_pair(*arrays()).permuted(order)


def test_anything_but_two_layers_of_the_same_examples_is_refused():
    x, y = arrays()
    with pytest.raises(InputError, match="Got 9 in X and 8 in Y"):
        example_pair(x, y[:8])
    with pytest.raises(InputError, match="Got one array"):
        example_pair(x)
    with pytest.raises(InputError, match="Got both"):
        example_pair(example_pair(x, y), y)


def test_distances_are_those_between_the_features():
    x, _ = arrays()
    gram = ExampleGram.from_features(x)
    direct = np.sum((x[:, None] - x[None, :]) ** 2, axis=2)
    np.testing.assert_allclose(squared_distances(gram), direct, atol=1e-12)
    np.testing.assert_allclose(correlations(gram), np.corrcoef(x), atol=1e-12)
    unit_rows = x / np.linalg.norm(x, axis=1, keepdims=True)
    np.testing.assert_allclose(cosines(gram), unit_rows @ unit_rows.T, atol=1e-12)


def test_equal_examples_have_no_distance_and_zero_ones_no_angle():
    x = np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 0.0], [3.0, 3.0]])
    gram = ExampleGram.from_features(x * 1e8)
    assert squared_distances(gram)[0, 1] == 0
    assert cosines(gram)[2].tolist() == [0, 0, 0, 0]
    # The last two have equal features: no correlation is defined.
    assert correlations(gram)[3].tolist() == [0, 0, 0, 0]


def test_correlations_need_the_features():
    with pytest.raises(InputError, match="Expected features, to correlate examples"):
        correlations(ExampleGram(products=np.eye(3)))


def test_rounding_does_not_tell_distances_apart():
    distances = np.array([[1.0, 1.0 + 1e-15], [1.0 + 1e-9, 0.0]])
    apart = told_apart(distances, 2.0**-46)
    assert apart[0, 0] == apart[0, 1] != apart[1, 0]
    assert not told_apart(1e-15 * distances, 2.0**-46).any()


def test_one_example_far_away_does_not_decide_about_the_others():
    x = np.random.default_rng(0).normal(size=(20, 3))
    step = distance_step(example_pair(x, x).x)
    x[0, 0] += 1e9
    far = distance_step(example_pair(x, x).x)
    assert (far[1:, 1:] < 100 * step[1:, 1:]).all()
    assert (far[0] > 1e6 * step[0]).all()
    assert np.log2(far).tolist() == np.rint(np.log2(far)).tolist()


def test_centred_kernels_sum_to_zero_and_constant_ones_vanish():
    kernel = ExampleGram.from_features(arrays()[0]).gram
    for about_means in (centred(kernel), u_centred(kernel)):
        np.testing.assert_allclose(about_means.sum(axis=0), 0, atol=1e-12)
    assert not u_centred(kernel).diagonal().any()
    far = ExampleGram.from_features(np.full((9, 3), 1e6)).gram
    assert not centred(far).any()
    assert not u_centred(far).any()
    assert np.isnan(unit(np.zeros(3))).all()


def test_half_of_a_matrix_has_its_inner_products():
    a, b = (ExampleGram.from_features(side).gram for side in arrays())
    assert half(a, diagonal=True) @ half(b, diagonal=True) == pytest.approx(np.sum(a * b))
    for matrix in (a, b):
        np.fill_diagonal(matrix, 0)
    assert half(a, diagonal=False) @ half(b, diagonal=False) == pytest.approx(np.sum(a * b))


def test_u_centring_wants_four_examples():
    with pytest.raises(InputError, match="Expected at least 4 examples"):
        u_centred(np.eye(3))


def test_pairs_of_grams_alone_are_taken():
    pair = ExamplePair(x=ExampleGram(products=np.eye(4)), y=ExampleGram(products=np.eye(4)))
    assert pair.without([0]).x.offsets is None
