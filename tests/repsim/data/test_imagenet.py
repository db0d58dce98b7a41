"""ImageNet in the published form: a folder of JPEGs per class."""

import shutil

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms

from repsim.data import Augmentation, load_data
from repsim.data.image_files import _random_box
from repsim.errors import InputError, StudyError
from tests.disk_formats import write_image_folder

CPU = torch.device("cpu")
SMALL = {"resize": 40, "crop": 32}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("imagenet")
    return root, write_image_folder(root)


@pytest.fixture
def own_tree(tmp_path):
    root = tmp_path / "here"
    write_image_folder(root, train=2, val=1)
    return root


def load(root, **options):
    return load_data("imagenet", {"root": str(root), **SMALL, **options})


def collect(split, indices, *, batch_size=4, augmentation=None, workers=0):
    batches = split.batches(
        np.asarray(indices),
        batch_size=batch_size,
        augmentation=augmentation,
        device=CPU,
        workers=workers,
    )
    return torch.cat([images for images, _ in batches])


def test_ids_are_paths_below_the_root_and_labels_number_the_sorted_classes(tree):
    root, written = tree
    source = load(root)
    assert list(source.train.ids + source.test.ids) == written
    np.testing.assert_array_equal(source.train.targets, np.repeat([0, 1, 2], 4))
    np.testing.assert_array_equal(source.test.targets, np.repeat([0, 1, 2], 2))
    assert (source.classes, source.inputs.shape) == (3, (3, 32, 32))


def test_images_of_the_test_split_are_those_of_torchvision(tree):
    root, _ = tree
    source = load(root)
    reference = transforms.Compose(
        [
            transforms.Resize(40),
            transforms.CenterCrop(32),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    expected = torch.stack([reference(Image.open(root / name)) for name in source.test.ids])
    torch.testing.assert_close(collect(source.test, range(6)), expected, rtol=0, atol=1e-5)


def test_images_depend_on_seed_epoch_and_index_alone(tree):
    split = load(tree[0]).train
    augmentation = Augmentation(seed=1, epoch=2)
    order = [7, 0, 11, 3, 3, 8]
    here = collect(split, order, batch_size=4, augmentation=augmentation)
    whole = collect(split, range(12), batch_size=12, augmentation=augmentation)
    torch.testing.assert_close(here, whole[order], rtol=0, atol=0)
    # Spawned processes; a forked one would share the state of this one.
    workers = collect(split, order, batch_size=1, augmentation=augmentation, workers=2)
    torch.testing.assert_close(workers, here, rtol=0, atol=0)
    for other in (Augmentation(seed=2, epoch=2), Augmentation(seed=1, epoch=3)):
        changed = collect(split, order, augmentation=other) != here
        assert changed.flatten(1).any(dim=1).all()


def test_every_example_has_draws_of_its_own(own_tree):
    # A slope, not noise: crops of noise look alike after resizing.
    slope = np.add.outer(np.arange(64), 3 * np.arange(64)).astype(np.uint8)
    for path in own_tree.glob("train/*/*.JPEG"):
        Image.fromarray(slope).save(path)
    split = load(own_tree).train
    assert collect(split, range(6)).unique(dim=0).shape[0] == 1
    augmented = collect(split, range(6), augmentation=Augmentation(seed=0, epoch=0))
    assert augmented.unique(dim=0).shape[0] == 6


def test_labels_follow_the_order(tree):
    split = load(tree[0]).train
    order = np.array([7, 0, 11])
    batches = split.batches(order, batch_size=2, augmentation=None, device=CPU)
    labels = torch.cat([labels for _, labels in batches])
    np.testing.assert_array_equal(labels, split.targets[order])


def test_the_global_generator_is_left_alone(tree):
    before = torch.get_rng_state()
    collect(load(tree[0]).train, range(3), augmentation=Augmentation(seed=0, epoch=0))
    torch.testing.assert_close(torch.get_rng_state(), before)


@given(width=st.integers(1, 600), height=st.integers(1, 600), seed=st.integers(0, 2**32 - 1))
def test_the_random_part_lies_in_the_picture(width, height, seed):
    left, top, right, bottom = _random_box(width, height, np.random.default_rng(seed))
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


def test_the_random_part_has_the_published_area_and_aspect():
    random = np.random.default_rng(0)
    boxes = np.array([_random_box(500, 400, random) for _ in range(2000)])
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    area, aspect = width * height / (500 * 400), width / height
    assert 0.079 < area.min() < 0.1
    assert 0.95 < area.max() <= 1.001
    assert 0.74 < aspect.min() < 0.77
    assert 1.30 < aspect.max() < 1.35
    assert 0.45 < area.mean() < 0.56
    assert (boxes[:, :2].max(axis=0) > 200).all()


def test_grey_pictures_become_three_channels(own_tree):
    path = own_tree / load(own_tree).test.ids[0]
    Image.open(path).convert("L").save(path)
    image = collect(load(own_tree).test, [0])
    assert image.shape == (1, 3, 32, 32)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_unreadable_picture_is_named(own_tree, workers):
    path = own_tree / load(own_tree).train.ids[1]
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError) as caught:
        collect(load(own_tree).train, [0, 1], workers=workers)
    assert str(caught.value).startswith(f"Expected a readable image in {path}. Got ")


def test_a_picture_that_went_away_is_named(own_tree):
    source = load(own_tree)
    (own_tree / source.test.ids[2]).unlink()
    with pytest.raises(InputError, match=rf"{source.test.ids[2]}. Got FileNotFoundError"):
        collect(source.test, [2])


def test_classes_of_train_and_val_must_agree(own_tree):
    shutil.move(own_tree / "val/n01443537", own_tree / "val/n09999999")
    message = r"1 only in train \(n01443537\) and 1 only in val \(n09999999\). Sort the images"
    with pytest.raises(StudyError, match=message):
        load(own_tree)


def test_missing_and_empty_folders_are_named(own_tree, tmp_path):
    with pytest.raises(StudyError, match=r"Got no folder .*nowhere/train. Set the option root"):
        load(tmp_path / "nowhere")
    for path in (own_tree / "train/n01484850").iterdir():
        path.unlink()
    with pytest.raises(StudyError, match=r"every class folder of .*train. Got none in n01484850"):
        load(own_tree)


def test_pictures_straight_in_val_are_refused(own_tree):
    for path in (own_tree / "val").glob("*/*.JPEG"):
        shutil.move(path, own_tree / "val" / path.name)
        path.parent.rmdir()
    with pytest.raises(StudyError, match=r"every class folder of .*val. Got none in it"):
        load(own_tree)


def test_options_are_checked(tree):
    with pytest.raises(StudyError, match=r"option 'root' of dataset 'imagenet'.*Got nothing"):
        load_data("imagenet", {})
    with pytest.raises(StudyError, match=r"crop must not be larger than resize, but 41 > 40"):
        load(tree[0], crop=41)


def test_the_fingerprint_is_that_of_content_and_options_not_of_the_place(own_tree, tmp_path):
    reference = load(own_tree).fingerprint
    there = tmp_path / "there"
    shutil.copytree(own_tree, there)
    assert load(there).fingerprint == reference
    assert load(there, resize=41).fingerprint != reference
    (there / load(there).test.ids[0]).rename(there / "val/n01440764/another.JPEG")
    assert load(there).fingerprint != reference


def repaint(path, byte=-1):
    """Another picture of the same size in bytes."""
    content = bytearray(path.read_bytes())
    content[byte] ^= 1
    path.write_bytes(content)


def test_another_picture_under_the_same_name_is_other_data(own_tree):
    source = load(own_tree)
    train, test = source.train.content_digest(), source.test.content_digest()
    repaint(own_tree / source.train.ids[0])
    again = load(own_tree)
    assert again.train.content_digest() != train
    assert again.test.content_digest() == test


def test_of_a_large_split_the_sizes_of_files_count(own_tree, monkeypatch):
    monkeypatch.setattr("repsim.data.image_files.READ_WHOLE", 100)
    # Several threads, each with some files, whose order is that of the split.
    monkeypatch.setattr("repsim.data.image_files.FILES_OF_A_THREAD", 2)
    reference = load(own_tree).fingerprint
    first = own_tree / load(own_tree).train.ids[0]
    repaint(first)
    assert load(own_tree).fingerprint == reference
    first.write_bytes(first.read_bytes() + b"\0")
    assert load(own_tree).fingerprint != reference


def test_a_file_that_cannot_be_read_is_named_before_anything_starts(own_tree):
    source = load(own_tree)
    gone = own_tree / source.test.ids[1]
    gone.unlink()
    gone.symlink_to(own_tree / "nowhere")
    with pytest.raises(InputError, match=rf"readable image in {gone}. Got No such file"):
        _ = load(own_tree).fingerprint
