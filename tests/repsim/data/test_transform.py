"""What a study changes in any data set: subset, random labels, permuted pixels."""

import itertools
import sys
import textwrap

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from repsim.data import Augmentation, DataSource, Split, from_arrays, load_data
from repsim.data.transform import RandomLabels, Transform
from repsim.errors import InputError, StudyError
from repsim.inputs import InputSpec
from tests.disk_formats import write_image_folder

CPU = torch.device("cpu")
COUNT = 90
CLASSES = 7


def collect(split, indices=None, *, batch_size=16, augmentation=None):
    """Images and labels of the batches, as numpy arrays."""
    rows = np.arange(len(split)) if indices is None else np.asarray(indices)
    batches = list(
        split.batches(rows, batch_size=batch_size, augmentation=augmentation, device=CPU)
    )
    sizes = [min(batch_size, len(rows) - start) for start in range(0, len(rows), batch_size)]
    assert [len(images) for images, _ in batches] == [len(y) for _, y in batches] == sizes
    return torch.cat([x for x, _ in batches]).numpy(), torch.cat([y for _, y in batches]).numpy()


def resident():
    random = np.random.default_rng(0)
    train, test = (random.integers(0, 256, (n, 3, 6, 5), dtype=np.uint8) for n in (COUNT, 20))
    return from_arrays(
        train=(train, np.arange(COUNT) % CLASSES),
        test=(test, np.arange(20) % CLASSES),
        classes=CLASSES,
        padding=2,
        flip=True,
    )


class Own(Split):
    """A split of one's own that asks for nothing but what `Split` demands."""

    def __init__(self, count):
        self.ids = tuple(f"own/{row}" for row in range(count))
        self.targets = np.arange(count) % CLASSES

    def batches(self, indices, *, batch_size, augmentation, device, workers=0):
        for start in range(0, len(indices), batch_size):
            some = indices[start : start + batch_size]
            images = torch.from_numpy(some[:, None] * 30.0 + np.arange(30)).reshape(-1, 1, 6, 5)
            if augmentation is not None:
                images = images + augmentation.epoch + torch.from_numpy(some).view(-1, 1, 1, 1)
            yield images.to(device), torch.from_numpy(self.targets[some]).to(device)


def own():
    inputs = InputSpec(shape=(1, 6, 5))
    return DataSource(
        name="own", classes=CLASSES, inputs=inputs, train=Own(COUNT), test=Own(20),
        preprocessing="none",
    )  # fmt: skip


@pytest.fixture(params=["resident", "own", "files", "synthetic"])
def source(request, tmp_path):
    if request.param == "files":
        write_image_folder(tmp_path, classes=tuple("abcdefg"), train=3, val=2)
        return load_data("imagenet", {"root": str(tmp_path), "resize": 12, "crop": 10})
    if request.param == "synthetic":
        return load_data("synthetic", {"examples": COUNT, "test_examples": 20, "classes": 5})
    return {"resident": resident, "own": own}[request.param]()


def permuted(share=1.0, **options):
    return Transform(random_labels=RandomLabels(share=share), **options)


ALL = permuted(0.6, examples=15, permute_pixels=True)


def test_a_subset_is_what_the_whole_split_gives_for_its_examples(source):
    changed = Transform(examples=12).apply(source)
    assert changed.test is source.test
    rows = [source.train.ids.index(name) for name in changed.train.ids]
    assert rows == sorted(set(rows))
    assert len(rows) == 12
    order = [3, 3, 11, 0]
    for augmentation in (None, Augmentation(seed=1, epoch=2)):
        images, labels = collect(source.train, np.take(rows, order), augmentation=augmentation)
        got, of = collect(changed.train, order, batch_size=3, augmentation=augmentation)
        np.testing.assert_array_equal(got, images)
        np.testing.assert_array_equal(of, labels)
    np.testing.assert_array_equal(changed.train.targets, source.train.targets[rows])
    assert changed.train.decodes == source.train.decodes


def test_a_smaller_subset_is_part_of_a_larger_one(source):
    most = len(source.train)
    subsets = [set(Transform(examples=n).apply(source).train.ids) for n in range(1, most + 1)]
    assert all(small < large for small, large in itertools.pairwise(subsets))
    other = Transform(examples=most // 2, transform_seed=1).apply(source)
    assert set(other.train.ids) != subsets[most // 2 - 1]


def test_more_examples_than_there_are_are_refused_with_their_number(source):
    most = len(source.train)
    with pytest.raises(StudyError, match=rf"'examples' .* at most {most}.*Got {most + 1}"):
        Transform(examples=most + 1).apply(source)


@given(share=st.floats(0, 1), seed=st.integers(0, 50))
def test_permuted_labels_are_those_of_a_share_of_the_examples(share, seed):
    true = resident().train.targets
    drawn = RandomLabels(share=share).drawn(true, CLASSES, seed)
    np.testing.assert_array_equal(np.sort(drawn), np.sort(true))
    assert (drawn != true).sum() <= round(share * COUNT)


def test_the_examples_of_a_smaller_share_are_part_of_those_of_a_larger_one():
    names = np.arange(COUNT)
    drawn = [
        RandomLabels(share=share, method="uniform").drawn(names, 10**9, seed=0)
        for share in (0.1, 0.5, 0.9)
    ]
    changed = [set(np.flatnonzero(labels != names)) for labels in drawn]
    assert [len(rows) for rows in changed] == [9, 45, 81]
    assert changed[0] < changed[1] < changed[2]


def test_all_labels_permuted_leave_chance_agreement():
    many = np.arange(20_000) % 10
    agree = RandomLabels(share=1).drawn(many, 10, 0) == many
    assert agree.mean() == pytest.approx(0.1, abs=0.01)
    half = RandomLabels(share=0.5).drawn(many, 10, 0) == many
    assert half.mean() == pytest.approx(0.55, abs=0.01)


def test_uniform_labels_are_of_all_classes_alike():
    one = np.zeros(10_000, np.int64)
    drawn = RandomLabels(share=1, method="uniform").drawn(one, CLASSES, 0)
    np.testing.assert_allclose(np.bincount(drawn) / len(one), 1 / CLASSES, atol=0.02)


def test_random_labels_are_those_of_the_training_split_and_the_true_ones_are_kept(source):
    changed = permuted().apply(source)
    assert changed.test is source.test
    assert changed.train.ids == source.train.ids
    np.testing.assert_array_equal(changed.train.true_labels, source.train.targets)
    np.testing.assert_array_equal(changed.test.true_labels, source.test.targets)
    assert (changed.train.targets != source.train.targets).any()
    order = [5, 0, 5, 13]
    images, labels = collect(changed.train, order, batch_size=3)
    np.testing.assert_array_equal(labels, changed.train.targets[order])
    np.testing.assert_array_equal(images, collect(source.train, order)[0])


def test_random_labels_are_drawn_after_the_subset():
    source = resident()
    subset = Transform(examples=30).apply(source).train.targets
    changed = permuted(examples=30).apply(source).train
    np.testing.assert_array_equal(changed.true_labels, subset)
    np.testing.assert_array_equal(np.sort(changed.targets), np.sort(subset))


def test_pixels_of_all_images_and_channels_are_permuted_alike(source):
    changed = Transform(permute_pixels=True).apply(source)
    orders = []
    for part in ("train", "test"):
        for augmentation in (None, Augmentation(seed=0, epoch=1)):
            plain, labels = collect(source.split(part), augmentation=augmentation)
            got, same = collect(changed.split(part), augmentation=augmentation)
            assert (got.shape, got.dtype) == (plain.shape, plain.dtype)
            np.testing.assert_array_equal(same, labels)
            # Columns of all images and channels at a place: which of them is where now.
            before, after = (x.reshape(-1, x.shape[2] * x.shape[3]).T for x in (plain, got))
            orders.append([int(np.flatnonzero((before == row).all(axis=1))[0]) for row in after])
    assert all(order == orders[0] for order in orders)
    assert sorted(orders[0]) == list(range(len(orders[0])))
    assert orders[0] != sorted(orders[0])


def test_what_changes_nothing_gives_the_data_as_they_are(source):
    nothing = [
        Transform(),
        Transform(transform_seed=3),
        Transform(examples=len(source.train)),
        permuted(0.0, transform_seed=1),
        Transform(random_labels=RandomLabels(share=0, method="uniform")),
    ]
    assert all(transform.apply(source) is source for transform in nothing)


def test_each_option_changes_the_fingerprint(source):
    transforms = [
        Transform(),
        Transform(examples=10),
        Transform(examples=11),
        Transform(examples=10, transform_seed=1),
        permuted(0.5),
        permuted(1.0),
        permuted(1.0, transform_seed=1),
        Transform(random_labels=RandomLabels(share=1, method="uniform")),
        Transform(permute_pixels=True),
        Transform(permute_pixels=True, transform_seed=1),
        ALL,
    ]
    prints = [transform.apply(source).fingerprint for transform in transforms]
    assert len(set(prints)) == len(prints)
    assert prints == [transform.apply(source).fingerprint for transform in transforms]


def test_the_three_draws_are_independent_of_each_other():
    source = resident()
    changed = ALL.apply(source)
    assert changed.train.ids == Transform(examples=15).apply(source).train.ids
    labels = permuted(0.6, examples=15).apply(source).train.targets
    np.testing.assert_array_equal(changed.train.targets, labels)
    pixels = Transform(permute_pixels=True).apply(source)
    np.testing.assert_array_equal(collect(changed.test)[0], collect(pixels.test)[0])


def test_the_content_of_the_data_counts_in_a_changed_split():
    other = resident()
    other.train._inputs[0, 0, 0, 0] ^= 1
    assert ALL.apply(other).fingerprint != ALL.apply(resident()).fingerprint


def test_labels_that_are_not_known_stay_unknown():
    images = np.arange(4 * 64, dtype=np.uint8).reshape(4, 1, 8, 8)
    source = from_arrays(train=(images, np.arange(4) % 2), test=(images, None))
    test = permuted(permute_pixels=True).apply(source).test
    assert test.true_labels is None
    assert collect(test)[1].shape == (4, 0)


def test_indices_outside_a_subset_are_refused(source):
    train = Transform(examples=5).apply(source).train
    with pytest.raises(InputError, match=r"indices from 0 to 4. Got 0 to 5"):
        train.batches(np.array([0, 5]), batch_size=2, augmentation=None, device=CPU)


def test_several_readers_of_files_give_what_one_gives(tmp_path):
    write_image_folder(tmp_path)
    source = load_data("imagenet", {"root": str(tmp_path), "resize": 12, "crop": 10})
    train = permuted(examples=7, permute_pixels=True).apply(source).train
    options = {"batch_size": 3, "augmentation": Augmentation(seed=0, epoch=1), "device": CPU}
    alone, together = (
        list(train.batches(np.arange(7), workers=workers, **options)) for workers in (0, 2)
    )
    for one, two in zip(alone, together, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"exampels": 3}, r"'exampels'. Did you mean 'examples'\? Known: .*random_labels.*size"),
        ({"sise": 8}, r"'sise'. Did you mean 'size'\?"),
        ({"examples": 0}, r"'examples' of dataset 'digits': greater than 0. Got 0"),
        ({"examples": 1199}, r"at most 1198, .*training split. Got 1199"),
        ({"random_labels": 1.5}, r"'random_labels.share' .*less than or equal to 1. Got 1.5"),
        ({"random_labels": "half"}, r"'random_labels.share' .*a valid number. Got 'half'"),
        ({"random_labels": True}, r"'random_labels.share' .*a valid number. Got True"),
        ({"random_labels": {"method": "uniform"}}, r"'random_labels.share' .*Got nothing. Add it"),
        (
            {"random_labels": {"share": 0.5, "metod": "uniform"}},
            r"'random_labels.metod'. Did you mean 'random_labels.method'\?",
        ),
        (
            {"random_labels": {"share": 0.5, "method": "shuffled"}},
            r"'random_labels.method' .*'permuted' or 'uniform'. Got 'shuffled'",
        ),
        ({"permute_pixels": 1}, r"'permute_pixels' .*a valid boolean. Got 1"),
        ({"transform_seed": -1}, r"'transform_seed' .*greater than or equal to 0. Got -1"),
    ],
)
def test_a_wrong_option_is_answered_with_what_is_possible(options, message):
    with pytest.raises(StudyError, match=message):
        load_data("digits", options)


def test_a_study_changes_a_data_set_by_its_options():
    changed = load_data("digits", {"size": 8, "examples": 100, "random_labels": 1})
    assert (len(changed.train), changed.inputs.shape) == (100, (1, 8, 8))
    table = {"share": 1.0, "method": "permuted"}
    same = load_data("digits", {"size": 8, "examples": 100, "random_labels": table})
    assert same.fingerprint == changed.fingerprint


def test_the_fingerprint_of_data_that_nothing_changes_is_that_of_the_data():
    for name, options in (
        ("digits", {"random_labels": 0.0, "examples": 1198}),
        ("synthetic", {"permute_pixels": False}),
    ):
        assert load_data(name, options).fingerprint == load_data(name, {}).fingerprint


def test_an_option_that_a_data_set_has_itself_is_its_own():
    source = load_data("synthetic", {"examples": 30})
    changed = load_data("synthetic", {"examples": 30, "permute_pixels": True})
    assert changed.train.ids == source.train.ids == tuple(f"train/{row}" for row in range(30))
    assert changed.fingerprint != source.fingerprint


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    text = """
        import numpy as np
        from repsim.data import from_arrays

        def plain(*, size=8):
            images = np.arange(60 * size**2, dtype=np.uint8).reshape(60, 1, size, size)
            labels = np.arange(60) % 3
            return from_arrays(train=(images, labels), test=(images, labels), name="plain")

        def taking_examples(examples, **others):
            assert not others, others
            return from_arrays(train=(np.ones((examples, 1, 8, 8)), np.zeros(examples, int)),
                               test=(np.ones((2, 1, 8, 8)), np.zeros(2, int)), classes=2)
    """
    (tmp_path / "own_data_of_transform_test.py").write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(tmp_path)
    yield "own_data_of_transform_test"
    sys.modules.pop("own_data_of_transform_test", None)


def test_data_of_ones_own_are_changed_too(own_module):
    source = load_data(f"{own_module}:plain", {"size": 4, "examples": 20, "random_labels": 0.5})
    assert (len(source.train), len(source.test), source.inputs.shape) == (20, 60, (1, 4, 4))
    assert (source.train.targets != source.train.true_labels).any()


def test_a_parameter_of_a_function_of_ones_own_is_its_own(own_module):
    options = {"examples": 7, "random_labels": {"share": 1, "method": "uniform"}}
    source = load_data(f"{own_module}:taking_examples", options)
    assert source.train.ids == tuple(f"train/{row}" for row in range(7))
    assert source.train.targets.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"exampels": 3}, r"'exampels'. Did you mean 'examples'\? Known: .*permute_pixels.*size"),
        ({"sise": 3}, r"'sise'. Did you mean 'size'\?"),
        ({"random_labels": 2}, r"'random_labels.share' of dataset 'own_data.*less than or equal"),
        ({"examples": 61}, r"at most 60, .*Got 61"),
    ],
)
def test_a_wrong_option_of_data_of_ones_own_is_answered_too(own_module, options, message):
    with pytest.raises(StudyError, match=message):
        load_data(f"{own_module}:plain", options)
