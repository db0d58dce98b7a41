"""CIFAR-100 in both published forms: pickles of Python 2, and plain bytes."""

import pickle

import numpy as np
import pytest
import torch
import torchvision

from repsim.data import load_data
from repsim.errors import InputError, StudyError
from tests.disk_formats import write_cifar100


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize(("labels", "classes"), [("fine", 100), ("coarse", 20)])
def test_images_labels_and_ids_are_those_of_the_files(tmp_path, binary, labels, classes):
    written = write_cifar100(tmp_path, binary=binary)
    source = load_data("cifar100", {"root": str(tmp_path), "labels": labels})
    assert (source.classes, source.inputs.shape) == (classes, (3, 32, 32))
    assert source.train.ids[119] == "train/119"
    for part, (images, coarse, fine) in written.items():
        expected = fine if labels == "fine" else coarse
        np.testing.assert_array_equal(source.split(part).targets, expected)
        (batch,) = source.split(part).batches(
            np.arange(len(fine)), batch_size=128, augmentation=None, device=torch.device("cpu")
        )
        mean = np.reshape((0.5071, 0.4865, 0.4409), (3, 1, 1))
        std = np.reshape((0.2673, 0.2564, 0.2762), (3, 1, 1))
        np.testing.assert_allclose(batch[0].numpy(), (images / 255 - mean) / std, atol=1e-5)


def test_both_forms_are_the_same_data(tmp_path):
    for binary in (False, True):
        write_cifar100(tmp_path / str(binary), binary=binary)
    pickled, binary, coarse = (
        load_data("cifar100", {"root": str(tmp_path / name), "labels": labels}).fingerprint
        for name, labels in (("False", "fine"), ("True", "fine"), ("True", "coarse"))
    )
    assert pickled == binary != coarse


def test_missing_files_are_named_with_the_ways_to_get_them(tmp_path):
    message = r"CIFAR-100 files in .*cifar-100-python. Got none named train, test. Set .*https:"
    with pytest.raises(StudyError, match=message):
        load_data("cifar100", {"root": str(tmp_path)})
    write_cifar100(tmp_path, binary=True)
    (tmp_path / "cifar-100-binary" / "test.bin").unlink()
    with pytest.raises(StudyError, match=r"cifar-100-binary. Got none named test.bin"):
        load_data("cifar100", {"root": str(tmp_path)})


def test_download_is_left_to_torchvision(tmp_path, monkeypatch):
    fetched = lambda root, download: write_cifar100(tmp_path)  # noqa: E731
    monkeypatch.setattr(torchvision.datasets, "CIFAR100", fetched)
    source = load_data("cifar100", {"root": str(tmp_path), "download": True})
    assert len(source.train) == 120


@pytest.mark.parametrize("bytes_left", [0, 3073, 3075])
def test_a_binary_file_of_parts_of_images_is_refused(tmp_path, bytes_left):
    write_cifar100(tmp_path, binary=True)
    path = tmp_path / "cifar-100-binary" / "train.bin"
    path.write_bytes(path.read_bytes()[:bytes_left])
    with pytest.raises(InputError, match=rf"images of 3074 bytes .*train.bin. Got {bytes_left} b"):
        load_data("cifar100", {"root": str(tmp_path)})


class Harmful:
    def __reduce__(self):
        return eval, ("1 / 0",)


def test_a_pickle_that_would_run_something_is_refused(tmp_path):
    write_cifar100(tmp_path)
    content = {"data": Harmful(), "fine_labels": []}
    (tmp_path / "cifar-100-python" / "train").write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(InputError, match=r"eval, which is refused"):
        load_data("cifar100", {"root": str(tmp_path)})


def test_the_files_of_cifar10_are_refused(tmp_path):
    (tmp_path / "cifar-100-python").mkdir()
    content = {"data": np.zeros((1, 3072), np.uint8), "labels": [3]}
    for name in ("train", "test"):
        (tmp_path / "cifar-100-python" / name).write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(InputError, match=r"no field 'fine_labels'"):
        load_data("cifar100", {"root": str(tmp_path)})
