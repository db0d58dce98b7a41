"""CIFAR-10 in the published form: pickles of Python 2."""

import os
import pickle
import shutil
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision

from repsim.data import load_data
from repsim.data.cifar_files import read_batch
from repsim.errors import InputError, StudyError
from tests.disk_formats import CIFAR_FOLDER, write_cifar10


@pytest.fixture
def tree(tmp_path):
    return tmp_path / "here", write_cifar10(tmp_path / "here")


def test_images_labels_and_ids_are_those_of_the_files(tree):
    root, written = tree
    source = load_data("cifar10", {"root": str(root)})
    assert (len(source.train), len(source.test)) == (100, 20)
    assert (source.classes, source.inputs.shape) == (10, (3, 32, 32))
    assert source.train.ids[99] == "train/99"
    assert source.test.ids[0] == "test/0"
    for split, (images, labels) in zip(("train", "test"), written.values(), strict=True):
        np.testing.assert_array_equal(source.split(split).targets, labels)
        batches = source.split(split).batches(
            np.arange(len(labels)), batch_size=64, augmentation=None, device=torch.device("cpu")
        )
        got = np.concatenate([batch.numpy() for batch, _ in batches])
        mean = np.reshape((0.4914, 0.4822, 0.4465), (3, 1, 1))
        std = np.reshape((0.2470, 0.2435, 0.2616), (3, 1, 1))
        np.testing.assert_allclose(got, (images / 255 - mean) / std, atol=1e-5)


def test_the_reader_agrees_with_the_unrestricted_one(tree):
    path = tree[0] / CIFAR_FOLDER / "data_batch_3"
    with path.open("rb") as file:
        everything = pickle.load(file, encoding="latin1")
    images, labels = read_batch(path)
    np.testing.assert_array_equal(images.reshape(len(images), -1), everything["data"])
    np.testing.assert_array_equal(labels, everything["labels"])


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_files_pickled_by_python_3_are_read_too(tmp_path, protocol):
    data = np.random.default_rng(0).integers(0, 256, size=(5, 3072), dtype=np.uint8)
    for arrangement in (data, np.asfortranarray(data)):
        content = {b"data": arrangement, b"labels": [0, 1, 2, 3, 4]}
        (tmp_path / "batch").write_bytes(pickle.dumps(content, protocol=protocol))
        images, _ = read_batch(tmp_path / "batch")
        np.testing.assert_array_equal(images.reshape(5, -1), data)


class RunsACommand:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_a_file_that_would_run_something_is_refused_and_runs_nothing(tree, tmp_path):
    root, _ = tree
    marker = tmp_path / "it-ran"
    content = {"data": RunsACommand(f"touch {marker}"), "labels": []}
    batch = root / CIFAR_FOLDER / "data_batch_2"
    batch.write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(InputError, match=r"data_batch_2.*asks for (posix|nt)\.system.*refused"):
        load_data("cifar10", {"root": str(root)})
    assert not marker.exists()
    with batch.open("rb") as file:
        pickle.load(file)
    assert marker.exists(), "the file does nothing anyway: this test would pass with any reader"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps([1, 2]), r"a list instead of a dictionary"),
        (pickle.dumps({"data": 1}), r"Expected a CIFAR batch"),
        (pickle.dumps({"labels": [1]}), r"no field 'data'"),
        (pickle.dumps({"data": np.zeros((1, 3072)), "labels": [1]}, 2), r"another type than uint8"),
        (pickle.dumps({"data": np.zeros((1, 9), np.uint8), "labels": [1]}, 2), r"shape \(1, 9\)"),
        (
            pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [1]}, 2),
            r"one row of 3072",
        ),
        (b"\x80\x02cbuiltins\neval\n", r"asks for builtins.eval, which is refused"),
        (
            b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00hex\x86R.",
            r"encoding 'hex'",
        ),
        (b"\x80\x02X\x01\x00\x00\x00aQ.", r"external object 'a'"),
        (b"not a pickle", r"Expected a CIFAR batch .* UnpicklingError"),
        (b"", r"Expected a CIFAR batch .* EOFError"),
    ],
)
def test_a_file_that_is_no_batch_is_refused(tmp_path, content, message):
    path = tmp_path / "data_batch_1"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_batch(path)


def test_a_truncated_file_is_refused(tree):
    path = tree[0] / CIFAR_FOLDER / "test_batch"
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(InputError, match=r"test_batch.*Fetch the file again"):
        read_batch(path)


def test_missing_files_are_named_with_the_way_to_get_them(tree):
    root, _ = tree
    (root / CIFAR_FOLDER / "data_batch_4").unlink()
    message = rf"files in {root}.*Got none named data_batch_4. Set the option download = true"
    with pytest.raises(StudyError, match=message):
        load_data("cifar10", {"root": str(root)})


def test_download_is_left_to_torchvision_and_its_failure_explained(tmp_path, monkeypatch):
    def unreachable(root, *, download):
        assert (root, download) == (str(tmp_path), True)
        raise URLError("no route to host")

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", unreachable)
    with pytest.raises(StudyError, match=r"Expected to fetch CIFAR-10 .*no route to host.*copy"):
        load_data("cifar10", {"root": str(tmp_path), "download": True})


def test_downloaded_files_are_then_read(tmp_path, monkeypatch):
    fetched = lambda root, download: write_cifar10(tmp_path)  # noqa: E731
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fetched)
    source = load_data("cifar10", {"root": str(tmp_path), "download": True})
    assert len(source.train) == 100


def test_the_fingerprint_is_that_of_the_images_not_of_the_place(tree, tmp_path):
    root, _ = tree
    reference = load_data("cifar10", {"root": str(root)}).fingerprint
    shutil.copytree(root, tmp_path / "there")
    assert load_data("cifar10", {"root": str(tmp_path / "there")}).fingerprint == reference
    write_cifar10(tmp_path / "other", seed=1)
    assert load_data("cifar10", {"root": str(tmp_path / "other")}).fingerprint != reference
