import numpy as np
import pytest
import torch
from torch import nn

from repsim.errors import InputError, StudyError
from repsim.inputs import InputSpec
from repsim.model_layers import (
    capture_blocks,
    layer_table,
    sampled_neurons,
    sampled_positions,
    select_layers,
    with_axes,
)

CPU = torch.device("cpu")
SHAPE = (2, 6, 6)
INDICES = np.array([7, 0, 3, 10, 2])


def captured(model, split, layers, indices=INDICES, **options):
    """All blocks together, after a check of their slices."""
    blocks = list(capture_blocks(model, split, indices, layers, device=CPU, **options))
    assert [part.start for part, _ in blocks] == [0, *(part.stop for part, _ in blocks)][:-1]
    assert blocks[-1][0].stop == len(indices)
    for part, arrays in blocks:
        assert all(len(array) == part.stop - part.start for array in arrays.values())
    return {name: np.concatenate([block[name] for _, block in blocks]) for name in blocks[0][1]}


@pytest.fixture
def layers(model):
    return layer_table(model, InputSpec(shape=SHAPE))


def test_activations_are_what_the_modules_put_out(model, split, images_of, layers):
    """The literal computation, module by module, with nothing in place."""
    arrays = captured(model, split, layers, batch_size=2)
    with torch.no_grad():
        first = model.first(images_of(INDICES))
        second = model.second(first.relu())
        flat = second.relu().flatten(1)
        head = model.head[1](flat)
    expected = {
        "first": first,
        "relu@1": first.relu(),
        "second": second,
        "relu@2": second.relu(),
        "head.0": flat,
        "head.1": head,
        "relu@3": head.relu(),
    }
    assert list(arrays) == list(expected)
    for name, tensor in expected.items():
        array = tensor.numpy()
        array = array[:, None] if array.ndim == 2 else array.reshape(5, 5, -1).transpose(0, 2, 1)
        assert arrays[name].dtype == np.float32
        assert arrays[name].flags.c_contiguous
        np.testing.assert_allclose(arrays[name], array, rtol=1e-5, atol=1e-6)
    # The ReLU works in place: without a copy these would be its outputs.
    assert (arrays["first"] < 0).any()
    assert (arrays["head.1"] < 0).any()


def test_maps_with_one_channel_or_place_are_copied_too(split):
    model = nn.Sequential(nn.Conv2d(2, 1, 6), nn.ReLU(inplace=True), nn.Flatten())
    model[0].bias.data.fill_(-5)
    arrays = captured(model, split, layer_table(model, InputSpec(shape=SHAPE))[:2])
    assert arrays["0"].shape == (5, 1, 1)
    assert (arrays["0"] < 0).all()
    assert (arrays["1"] == 0).all()


def test_tokens_keep_their_order(split, images_of):
    class Tokens(nn.Module):
        def forward(self, images):
            return images.flatten(2).transpose(1, 2)

    model = nn.Sequential(Tokens(), nn.Identity())
    arrays = captured(model, split, layer_table(model, InputSpec(shape=SHAPE)))
    expected = images_of(INDICES).flatten(2).transpose(1, 2)
    np.testing.assert_array_equal(arrays["1"], expected.numpy())


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1), (0, 2, 1, 3)])
def test_channels_are_neurons_on_whatever_axis(split, images_of, order):
    class Permuted(nn.Module):
        def forward(self, images):
            return images.permute(order)

    model = nn.Sequential(Permuted())
    arrays = captured(model, split, layer_table(model, InputSpec(shape=SHAPE)))
    expected = images_of(INDICES).flatten(2).transpose(1, 2)
    np.testing.assert_array_equal(arrays["0"], expected.numpy())


def test_an_axis_that_the_study_says_is_taken(split, images_of):
    class Sorted(nn.Module):
        def forward(self, images):
            return images.sort(dim=3).values

    model = nn.Sequential(Sorted())
    layers = with_axes(layer_table(model, InputSpec(shape=SHAPE)), {"*": "last"})
    arrays = captured(model, split, layers)
    expected = images_of(INDICES).sort(dim=3).values.flatten(1, 2)
    np.testing.assert_array_equal(arrays["0"], expected.numpy())


@pytest.mark.parametrize("batch_size", [1, 2, 5, 64])
def test_the_batch_size_changes_rounding_at_most_and_positions_never(
    model, split, layers, batch_size
):
    indices = np.arange(11)
    expected = captured(model, split, layers, indices, positions=4, seed=9, batch_size=3)
    arrays = captured(model, split, layers, indices, positions=4, seed=9, batch_size=batch_size)
    for name, array in arrays.items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-5, atol=1e-6)


def test_sampled_positions_are_rows_of_all_of_them(model, split, layers):
    everything = captured(model, split, layers)
    sampled = captured(model, split, layers, positions=4, seed=9, batch_size=2)
    for layer in layers:
        for row, example in enumerate(INDICES):
            positions = sampled_positions(9, layer.positions, 4, int(example))
            np.testing.assert_allclose(
                sampled[layer.name][row],
                everything[layer.name][row, positions],
                rtol=1e-5,
                atol=1e-6,
            )


def test_maps_are_averaged_over_their_positions(model, split, layers):
    everything = captured(model, split, layers, batch_size=2)
    averaged = captured(model, split, layers, positions="mean", batch_size=2)
    for name, values in everything.items():
        assert averaged[name].shape == (len(values), 1, values.shape[2])
        np.testing.assert_allclose(averaged[name][:, 0], values.mean(axis=1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("positions", ["all", "mean", 2])
def test_some_neurons_are_columns_of_all_of_them(model, split, layers, positions):
    everything = captured(model, split, layers, positions=positions, seed=3)
    some = captured(model, split, layers, positions=positions, neurons=3, seed=3)
    fewer = captured(model, split, layers, positions=positions, neurons=2, seed=3)
    for layer in layers:
        columns = sampled_neurons(3, layer.neurons, 3)
        assert len(columns) == min(3, layer.neurons)
        np.testing.assert_allclose(
            some[layer.name], everything[layer.name][..., columns], rtol=1e-4, atol=1e-6
        )
        assert set(sampled_neurons(3, layer.neurons, 2)) <= set(columns)
        assert fewer[layer.name].shape[2] == min(2, layer.neurons)


def test_positions_are_the_same_for_every_network(split):
    """A network that puts out where each position is."""
    places = torch.arange(36.0).reshape(1, 1, 6, 6)

    class Where(nn.Module):
        def forward(self, images):
            return places + 0 * images[:, :1]

    rows = []
    for extra in (nn.Identity(), nn.ReLU()):
        model = nn.Sequential(extra, Where())
        layers = layer_table(model, InputSpec(shape=SHAPE))[1:]
        rows.append(captured(model, split, layers, positions=5, batch_size=2)["1"])
    np.testing.assert_array_equal(rows[0], rows[1])
    assert rows[0].shape == (5, 5, 1)


def test_only_what_was_asked_for_is_captured(model, split, layers):
    arrays = captured(model, split, select_layers(["relu@2", "head.1"], layers))
    assert list(arrays) == ["relu@2", "head.1"]


def test_evaluation_mode_and_its_end(split):
    model = nn.Sequential(nn.BatchNorm2d(2), nn.Dropout(0.9), nn.ReLU())
    layers = layer_table(model, InputSpec(shape=SHAPE))
    statistics = model[0].running_mean.clone()
    model[2].eval()
    arrays = captured(model, split, layers)
    np.testing.assert_array_equal(arrays["1"], arrays["0"])
    assert torch.equal(model[0].running_mean, statistics)
    assert [module.training for module in model] == [True, True, False]


@pytest.mark.parametrize("end", ["close", "error"])
def test_hooks_and_modes_are_put_back_when_capture_ends_early(model, split, layers, end):
    blocks = capture_blocks(model, split, INDICES, layers, batch_size=2, device=CPU)
    next(blocks)
    assert not torch.is_inference_mode_enabled()
    assert torch.backends.cudnn.conv.fp32_precision != "ieee"
    if end == "close":
        blocks.close()
    else:
        model.head[1].weight.data = torch.zeros(2, 3)
        with pytest.raises(RuntimeError):
            next(blocks)
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())


def test_the_callers_autocast_does_not_reach_the_activations(model, split, layers):
    expected = captured(model, split, layers)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        arrays = captured(model, split, layers)
    for name in expected:
        np.testing.assert_array_equal(arrays[name], expected[name])


def test_blocks_can_be_written_to_and_kept(model, split, layers):
    blocks = [
        arrays
        for _, arrays in capture_blocks(model, split, INDICES, layers, batch_size=1, device=CPU)
    ]
    blocks[0]["first"][:] = 0
    assert blocks[1]["first"].any()


def test_layers_of_another_model_are_refused(model, split, layers):
    other = nn.Sequential(nn.ReLU())
    with pytest.raises(InputError, match=r"layer 'first' \(Conv2d\)\. Got one whose forward"):
        capture_blocks(other, split, INDICES, layers, device=CPU)
    once = layer_table(nn.Sequential(nn.Identity()), InputSpec(shape=SHAPE))
    repeated = [type(once[0])(**{**vars(once[0]), "name": "0@2"})]
    with pytest.raises(InputError, match="has no such layer"):
        list(capture_blocks(other, split, INDICES, repeated, device=CPU))
    wider = layer_table(model, InputSpec(shape=(2, 6, 6)))[:1]
    model.first.stride = (2, 2)
    with pytest.raises(InputError, match=r"shape \(5, 5, 6, 6\) from layer 'first'. Got \(5, 5, 3"):
        list(capture_blocks(model, split, INDICES, wider, device=CPU))


def test_what_cannot_be_captured_is_refused(split, layers):
    parallel = nn.DataParallel(nn.ReLU())
    with pytest.raises(StudyError, match=r"Got a DataParallel.*Use its \.module"):
        capture_blocks(parallel, split, INDICES, [], device=CPU)
    mixed = nn.Sequential(nn.Flatten(0, 1))
    table = layer_table(mixed, InputSpec(shape=SHAPE))
    with pytest.raises(StudyError, match=r"Got '0' \(Flatten\)"):
        capture_blocks(mixed, split, INDICES, table, device=CPU)
