"""Blocks, tiles and stores change nothing; what cannot be used is refused with its place."""

import tracemalloc

import numpy as np
import pytest
import torch

from repsim.errors import InputError
from repsim.examples import ExampleGram, LayerExamples
from repsim.examples.distances import squared_distances


def maps(examples=13, positions=4, neurons=3, seed=0, dtype=np.float64):
    generator = np.random.default_rng(seed)
    return (generator.normal(size=(examples, positions, neurons)) + 1).astype(dtype)


def assert_same(a, b):
    np.testing.assert_allclose(a.pooled, b.pooled, rtol=1e-12)
    assert_same_gram(a.flattened, b.flattened)
    assert a.positions == b.positions


def assert_same_gram(a, b):
    np.testing.assert_allclose(a.gram, b.gram, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(a.about_row_means, b.about_row_means, rtol=1e-12, atol=1e-12)
    assert a.offsets.width == b.offsets.width


def test_averages_and_inner_products_are_what_they_are_called():
    x = maps()
    layer = LayerExamples.from_array(x)
    np.testing.assert_allclose(layer.pooled, x.mean(axis=1), rtol=1e-12)
    for features, table in (("averaged", x.mean(axis=1)), ("flattened", x.reshape(13, -1))):
        gram = layer.features(features)
        np.testing.assert_allclose(gram.gram, table @ table.T, rtol=1e-12)
        about = table - table.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(gram.about_row_means, about @ about.T, atol=1e-12)
        assert gram.offsets.width == table.shape[1]
    assert (layer.count, layer.neurons, layer.positions) == (13, 3, 4)


@pytest.mark.parametrize("memory", [1, 8 * 12 * 3, 8 * 12 * 9, 2**30])
def test_tiles_do_not_change_it(memory):
    x = maps(dtype=np.float32)
    assert_same(LayerExamples.from_array(x, memory=memory), LayerExamples.from_array(x))


def test_what_does_not_fit_is_read_again_as_often_as_is_said():
    x, read = maps(examples=40), []

    def reader(start, stop):
        read.extend(range(start, stop))
        return x[start:stop]

    width = 8 * 12
    for tiles in (1, 2, 4):
        read.clear()
        LayerExamples.from_reader(reader, x.shape, memory=40 // tiles * width)
        assert len(read) / 40 == (tiles + 1) / 2


def test_memory_is_bounded_by_what_is_asked_for():
    examples, positions, neurons, memory = 256, 256, 64, 2**23
    block = np.ones((1, positions, neurons), dtype=np.float32)

    def reader(start, stop):
        return np.broadcast_to(block, (stop - start, positions, neurons))

    tracemalloc.start()
    LayerExamples.from_reader(reader, (examples, positions, neurons), memory=memory)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    result = 8 * examples * (examples + neurons)
    shifts = 8 * 8 * positions * neurons
    assert peak < 1.3 * memory + result + shifts + 2**17
    # The layer is four times as large, so the bound is not met by chance.
    assert 8 * examples * positions * neurons == 4 * memory


def test_half_precision_is_summed_in_double():
    x = maps(examples=5, positions=64, neurons=8, dtype=np.float16)
    exact = x.astype(np.float64).reshape(5, -1)
    gram = LayerExamples.from_array(x).features("flattened").gram
    np.testing.assert_allclose(gram, exact @ exact.T, rtol=1e-13)


def test_torch_and_rows_without_positions_are_taken():
    x = maps(positions=1)
    layer = LayerExamples.from_array(torch.from_numpy(x[:, 0]).bfloat16())
    assert layer.positions == 1
    np.testing.assert_allclose(layer.pooled, x[:, 0], rtol=1e-2)
    assert layer.features("averaged") is layer.features("flattened")


def test_positions_of_their_own_cannot_be_flattened():
    layer = LayerExamples.from_array(maps(), same_positions=False)
    assert layer.flattened is None
    np.testing.assert_allclose(layer.pooled, maps().mean(axis=1))
    with pytest.raises(InputError, match="Got positions drawn for each example"):
        layer.features("flattened")


@pytest.mark.parametrize("same_positions", [True, False])
def test_a_store_gives_back_what_it_got(same_positions):
    layer = LayerExamples.from_array(maps(), same_positions=same_positions)
    arrays = layer.arrays()
    again = LayerExamples.from_mapping(arrays)
    np.testing.assert_array_equal(again.pooled, layer.pooled)
    assert again.positions == layer.positions
    if same_positions:
        np.testing.assert_array_equal(again.flattened.gram, layer.flattened.gram)
        assert arrays["flattened_products"].size == 13 * 14 // 2  # one half of what is symmetric
    else:
        assert again.flattened is None


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.ones(4), "Got shape (4,)"),
        (np.ones((4, 2, 3, 3)), "Channels go last"),
        (np.ones((4, 0)), "Got shape (4, 0)"),
        (np.array([["a"]]), "Expected real numbers in X"),
    ],
)
def test_an_array_that_is_no_layer_is_refused(array, said):
    with pytest.raises(InputError) as caught:
        LayerExamples.from_array(array, name="X")
    assert said in str(caught.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_named_by_its_example(bad):
    x = maps()
    x[7, 2, 1], x[9, 0, 0] = bad, -bad
    with pytest.raises(InputError, match="NaN or infinity first at example 7"):
        LayerExamples.from_array(x)


def test_blocks_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"of shape \(1, 4, 3\). Got \(2, 4, 2\)"):
        LayerExamples.from_reader(lambda start, stop: np.ones((2, 4, 2)), (2, 4, 3))


def test_arrays_of_something_else_are_refused():
    with pytest.raises(InputError, match="Got no pooled; there are: positions"):
        LayerExamples.from_mapping({"positions": np.array(1)})
    arrays = LayerExamples.from_array(maps()).arrays()
    with pytest.raises(InputError, match="Expected finite numbers"):
        LayerExamples.from_mapping({**arrays, "flattened_offsets_row_means": np.full(13, np.nan)})


@pytest.mark.usefixtures("unchecked_shapes")
def test_a_gram_has_one_shape():
    with pytest.raises(InputError, match=r"Got shape \(2, 3\)"):
        ExampleGram(products=np.ones((2, 3)))
    offsets = ExampleGram.from_features(np.eye(3)).offsets
    with pytest.raises(InputError, match=r"Expected offsets of 2 examples\. Got 3"):
        ExampleGram(products=np.ones((2, 2)), offsets=offsets)
    gram = ExampleGram(products=np.eye(3))
    with pytest.raises(InputError, match="inner products of the 2 examples"):
        LayerExamples(pooled=np.ones((2, 1)), positions=1, flattened=gram)


@pytest.mark.parametrize("offset", [1e4, 1e8, -1e6])
def test_offsets_take_no_digits(offset):
    """Of each feature, of each example, or of both: what is left are the digits of float64."""
    x = maps(positions=1)[:, 0]
    rng = np.random.default_rng(1)
    for off in (
        offset,
        offset * rng.random(3),
        offset * rng.random((13, 1)),
        offset * rng.random((13, 3)),
    ):
        given = x + off
        gram = ExampleGram.from_features(given)
        # The means of the reference are rounded, too: by this much of a product.
        rounding = 1e-15 * abs(offset)
        about = given - given.mean(axis=1, keepdims=True)
        largest = np.max(about**2)
        np.testing.assert_allclose(
            gram.about_row_means, about @ about.T, atol=rounding + 1e-12 * largest
        )
        near = squared_distances(gram)[0]
        exact = ((given - given[0]) ** 2).sum(axis=1)
        np.testing.assert_allclose(near, exact, atol=rounding + 1e-12 * exact.max())
