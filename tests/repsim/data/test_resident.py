"""Splits in memory, through `from_arrays`."""

import dataclasses

import numpy as np
import pytest
import torch

from repsim.data import Augmentation, from_arrays
from repsim.data.resident import ShiftAndFlip
from repsim.errors import InputError, StudyError
from repsim.inputs import InputSpec

CPU = torch.device("cpu")


def collect(split, indices, batch_size=7, augmentation=None):
    pairs = list(
        split.batches(
            np.asarray(indices), batch_size=batch_size, augmentation=augmentation, device=CPU
        )
    )
    return torch.cat([images for images, _ in pairs]), torch.cat([labels for _, labels in pairs])


@pytest.fixture
def arrays():
    random = np.random.default_rng(0)
    images = random.integers(1, 256, size=(40, 3, 6, 5), dtype=np.uint8)
    return images, np.arange(40) % 4


def unit_scale(images, labels, **options):
    """A source whose pixels come out as they are, in bytes / 255."""
    return from_arrays(
        train=(images, labels), test=(images, labels), mean=(0,) * 3, std=(1,) * 3, **options
    )


def test_images_and_labels_come_in_the_order_asked_for(arrays):
    images, labels = arrays
    source = unit_scale(images, labels)
    order = [5, 5, 39, 0, 12]
    got_images, got_labels = collect(source.train, order, batch_size=2)
    np.testing.assert_array_equal(got_images.numpy(), images[order].astype(np.float32) / 255)
    np.testing.assert_array_equal(got_labels.numpy(), labels[order])
    assert got_images.dtype == torch.float32
    assert got_labels.dtype == torch.int64


def test_batches_have_the_size_asked_for(arrays):
    split = unit_scale(*arrays).train
    batches = split.batches(np.arange(10), batch_size=4, augmentation=None, device=CPU)
    assert [len(labels) for _, labels in batches] == [4, 4, 2]


def test_statistics_of_the_training_images_normalise_both_splits(arrays):
    images, labels = arrays
    dark = (images // 3, labels)
    source = from_arrays(train=(images, labels), test=dark)
    pixels, _ = collect(source.train, range(40))
    np.testing.assert_allclose(pixels.mean(dim=(0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(pixels.std(dim=(0, 2, 3), correction=0), 1, atol=1e-5)
    assert collect(source.test, range(40))[0].mean() < -0.5


def test_floats_are_not_scaled_and_a_constant_channel_is_only_centred():
    images = np.full((4, 1, 3, 3), 7.0)
    source = from_arrays(train=(images, np.arange(4)), test=(images, np.arange(4)))
    np.testing.assert_array_equal(collect(source.train, [0, 1])[0], 0)


@pytest.mark.parametrize("batch_size", [1, 3, 40])
def test_augmentation_of_an_example_depends_on_seed_epoch_and_index_alone(arrays, batch_size):
    split = unit_scale(*arrays, padding=2, flip=True).train
    augmentation = Augmentation(seed=3, epoch=5)
    whole, _ = collect(split, np.arange(40), augmentation=augmentation)
    order = np.random.default_rng(batch_size).permutation(40)[:23]
    part, _ = collect(split, order, batch_size, augmentation)
    torch.testing.assert_close(part, whole[order], rtol=0, atol=0)


@pytest.mark.parametrize("other", [Augmentation(seed=4, epoch=5), Augmentation(seed=3, epoch=6)])
def test_another_seed_or_epoch_gives_other_images(arrays, other):
    split = unit_scale(*arrays, padding=2, flip=True).train
    one, _ = collect(split, np.arange(40), augmentation=Augmentation(seed=3, epoch=5))
    two, _ = collect(split, np.arange(40), augmentation=other)
    assert (one != two).flatten(1).any(dim=1).float().mean() > 0.8


def test_augmentation_shifts_and_mirrors_each_image_by_its_draw(arrays):
    images, labels = arrays
    augmenter = ShiftAndFlip(padding=2, flip=True)
    augmentation = Augmentation(seed=0, epoch=0)
    got, _ = collect(
        unit_scale(images, labels, padding=2, flip=True).train, range(40), 9, augmentation
    )
    padded = np.pad(images, [(0, 0), (0, 0), (2, 2), (2, 2)])
    for row, (down, across, mirrored) in enumerate(augmenter.draws(augmentation, 40)):
        expected = padded[row, :, down : down + 6, across : across + 5]
        if mirrored:
            expected = expected[:, :, ::-1]
        np.testing.assert_array_equal(got[row].numpy(), expected.astype(np.float32) / 255)


def test_every_shift_and_both_mirror_images_are_drawn_equally_often():
    draws = ShiftAndFlip(padding=2, flip=True).draws(Augmentation(seed=0, epoch=0), 20_000)
    for column, choices in ((0, 5), (1, 5), (2, 2)):
        shares = np.bincount(draws[:, column], minlength=choices) / len(draws)
        np.testing.assert_allclose(shares, 1 / choices, atol=0.015)


def test_no_augmentation_is_drawn_where_none_is_declared(arrays):
    split = unit_scale(*arrays).train
    augmented, _ = collect(split, range(40), augmentation=Augmentation(seed=0, epoch=0))
    torch.testing.assert_close(augmented, collect(split, range(40))[0], rtol=0, atol=0)


def test_the_global_generator_is_left_alone(arrays):
    split = unit_scale(*arrays, padding=2, flip=True).train
    before = torch.get_rng_state()
    collect(split, range(40), augmentation=Augmentation(seed=0, epoch=0))
    torch.testing.assert_close(torch.get_rng_state(), before)


def test_images_are_kept_once_and_are_not_those_of_the_caller(arrays):
    images, labels = arrays
    split = unit_scale(images, labels).train
    before, _ = collect(split, [0])
    images[:] = 0
    torch.testing.assert_close(collect(split, [0])[0], before)
    assert split._resident(CPU)[0].data_ptr() == split._resident(CPU)[0].data_ptr()


def test_fingerprint_is_that_of_the_content(arrays):
    images, labels = arrays
    reference = unit_scale(images, labels).fingerprint
    assert unit_scale(images.copy(), labels.astype(np.int32), name="other").fingerprint == reference

    one_pixel = images.copy()
    one_pixel[7, 1, 2, 3] += 1
    relabelled = labels.copy()
    relabelled[0] = 3
    different = [
        unit_scale(one_pixel, labels),
        unit_scale(images, relabelled),
        unit_scale(images, labels, padding=1),
        unit_scale(images, labels, classes=5),
        unit_scale(images, labels, test_ids=[f"other/{row}" for row in range(40)]),
        unit_scale(images.astype(np.float32), labels),
    ]
    assert len({reference, *(source.fingerprint for source in different)}) == 7


@pytest.mark.parametrize("indices", [[-1], [40], [0, 40]])
def test_an_index_outside_the_split_is_refused(arrays, indices):
    with pytest.raises(InputError, match=r"indices from 0 to 39. Got (-1|40|0)"):
        collect(unit_scale(*arrays).train, indices)


def test_indices_that_are_no_integers_are_refused(arrays):
    with pytest.raises(InputError, match=r"integer indices of shape \(m,\). Got float64"):
        collect(unit_scale(*arrays).train, [0.5])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": (np.zeros((3, 4, 4), np.uint8), np.zeros(3, int))}, r"of one size and type in"),
        ({"train": (np.zeros(3), np.zeros(3, int))}, r"Got float64 of shape \(3,\).*\[:, None\]"),
        ({"train": (np.zeros((3, 1, 4, 4), np.int64), np.zeros(3, int))}, r"uint8 or float images"),
        ({"train": (np.full((3, 1, 4, 4), np.nan), np.zeros(3, int))}, r"finite inputs"),
        ({"train": (np.zeros((3, 1, 4, 4)), np.zeros(2, int))}, r"Got 3 inputs and 2 targets"),
        (
            {"train": (np.zeros((3, 1, 4, 4)), np.zeros(3))},
            r"integer labels .* Got float64.*targets\[:, None\]",
        ),
        (
            {"train": (np.zeros((0, 1, 4, 4)), np.zeros(0, int))},
            r"at least one example in the train",
        ),
        (
            {"test": (np.zeros((0, 1, 4, 4)), np.zeros(0, int))},
            r"at least one example in the test",
        ),
        (
            {"test": (np.zeros((3, 1, 5, 4)), np.zeros(3, int))},
            r"of one size and type in train and test",
        ),
        ({"classes": 2}, r"labels from 0 to 1 in the train .* Got 0 to 2"),
        ({"train": (np.zeros((3, 1, 4, 4)), np.array([0, -1, 2]))}, r"Got -1 to 2"),
        ({"test_ids": ["a", "b", "a"]}, r"every id once in the test .* Got 'a' more than once"),
        ({"train_ids": ["a", "b"]}, r"Got 2 ids and 3 targets"),
        ({"train": np.ones((3, 1, 4, 4))}, r"Expected \(inputs, targets\).*Got a ndarray"),
        ({"test": (np.ones((3, 1, 4, 4)), np.full(3, -1))}, r"Got -1 throughout.*give None"),
        ({"test": (np.ones((3, 1, 4, 4)), np.array([0, -1, -1]))}, r"Got -1 to 0"),
        ({"train": (np.ones((3, 1, 4, 4)), np.eye(3))}, r"one-hot.*labels\.argmax\(axis=1\)"),
        ({"train": (np.ones((3, 1, 4, 4)), np.arange(3)[:, None])}, r"Give labels\[:, 0\]"),
        ({"train": (np.ones((3, 1, 4, 4)), np.arange(3.0))}, r"give labels\.astype\(int\)"),
        ({"train": (np.ones((3, 1, 4, 4)), np.array([0, np.nan, 1]))}, r"Got float64"),
        ({"train": (np.ones((3, 1, 4, 4)), np.arange(3) > 1)}, r"Got bool of shape \(3,\)"),
        ({"train": (np.ones((3, 1, 4, 4)), ["cat", "dog", "cat"])}, r"Got text.*np\.unique"),
        ({"train": (np.ones((3, 1, 4, 4)), np.array(["a", "b", "c"]))}, r"Got text.*np\.unique"),
        ({"classes": 2.5}, r"number of classes from 1\. Got 2\.5"),
        ({"classes": 0}, r"number of classes from 1\. Got 0"),
        ({"mean": (0.5, 0.5)}, r"Expected 1 means and 1 positive"),
        ({"std": (0.0,)}, r"positive standard deviations"),
        ({"padding": -1}, r"padding of 0 pixels or more. Got -1"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, message):
    good = {
        "train": (np.ones((3, 1, 4, 4)), np.arange(3)),
        "test": (np.ones((3, 1, 4, 4)), np.arange(3)),
    }
    assert len(from_arrays(**good).train) == 3
    with pytest.raises(StudyError, match=message):
        from_arrays(**(good | change))


@pytest.mark.parametrize(
    ("images", "labels", "said"),
    [
        (torch.ones(3, 1, 4, 4).to_sparse(), torch.arange(3), r"inputs of the train .*to_dense"),
        (torch.ones(3, 1, 4, 4), torch.arange(3, device="meta"), "targets of the train .* values"),
        (np.ma.masked_less(np.zeros((3, 1, 4, 4)), 1), np.arange(3), "inputs of the train .* mask"),
        (np.ones((3, 1, 4, 4)), [[0], [1, 2], [0]], "targets of the train .* as one array"),
        (np.ones((3, 1, 4, 4)), [0, None, 2], "targets of the train .* dtype object"),
    ],
)
def test_what_is_no_plain_array_is_refused_with_what_to_do(images, labels, said):
    with pytest.raises(InputError, match=said):
        from_arrays(train=(images, labels), test=(np.ones((3, 1, 4, 4)), np.arange(3)))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("label_type", [torch.int64, torch.int32, torch.uint8])
def test_tensors_are_the_same_data_as_arrays(arrays, dtype, label_type):
    images, labels = (torch.from_numpy(array) for array in arrays)
    pixels, labels = images.to(dtype), labels.to(label_type)
    floats = pixels.float() if dtype == torch.bfloat16 else pixels
    from_tensors = unit_scale(pixels, labels)
    assert from_tensors.fingerprint == unit_scale(floats.numpy(), labels.numpy()).fingerprint
    assert from_tensors.classes == 4


def test_a_test_split_can_do_without_labels(arrays):
    images, labels = arrays
    source = from_arrays(train=(images, labels), test=(images, None))
    assert source.classes == 4
    assert (source.train.has_targets, source.test.has_targets) == (True, False)
    assert len(source.test) == 40
    got, unknown = collect(source.test, [3, 0])
    torch.testing.assert_close(got, collect(source.train, [3, 0])[0])
    assert unknown.shape == (2, 0)
    assert source.fingerprint != from_arrays(train=(images, labels), test=arrays).fingerprint


def test_splits_are_asked_for_by_name(arrays):
    source = unit_scale(*arrays)
    assert source.split("train") is source.train
    assert source.split("test") is source.test
    with pytest.raises(StudyError, match=r"split of dataset 'arrays'. Got 'tset'. .*'test'"):
        source.split("tset")


@pytest.mark.parametrize(
    ("shape", "refused"),
    [
        ((32, 32, 3), True),
        ((32, 48, 4), True),
        ((28, 28, 1), True),
        ((3, 32, 32), False),
        ((1, 8, 8), False),
        ((8, 100, 1), False),  # a series of eight channels
        ((16, 4, 4), False),
        ((3, 4, 3), False),
    ],
)
def test_images_with_their_channels_last_are_refused(shape, refused):
    images = np.random.default_rng(0).integers(0, 255, size=(4, *shape)).astype(np.uint8)
    pair = images, np.arange(4) % 2
    if not refused:
        assert from_arrays(train=pair, test=pair).inputs.shape == shape
        return
    with pytest.raises(StudyError, match=r"Got \(\d+, \d+, \d\), which is .*np\.moveaxis"):
        from_arrays(train=pair, test=pair)
    moved = np.moveaxis(images, -1, 1), pair[1]
    source = from_arrays(train=moved, test=moved)
    assert source.inputs.shape[0] == shape[-1]
    with pytest.raises(StudyError, match=r"np\.moveaxis\(images, -1, 1\)"):
        dataclasses.replace(source, inputs=InputSpec(shape=shape))
