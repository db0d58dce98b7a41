"""MNIST in the published form: four idx files, plain or compressed."""

import gzip
import struct

import numpy as np
import pytest
import torch
import torchvision

from repsim.data import load_data
from repsim.errors import InputError, StudyError
from tests.disk_formats import write_idx, write_mnist


@pytest.mark.parametrize("place", ["", "MNIST/raw"])
@pytest.mark.parametrize("compressed", [False, True])
def test_images_labels_and_ids_are_those_of_the_files(tmp_path, place, compressed):
    written = write_mnist(tmp_path / place, compressed=compressed)
    source = load_data("mnist", {"root": str(tmp_path)})
    assert (source.classes, source.inputs.shape) == (10, (1, 28, 28))
    assert source.test.ids[29] == "test/29"
    for part, (images, labels) in written.items():
        np.testing.assert_array_equal(source.split(part).targets, labels)
        (batch,) = source.split(part).batches(
            np.arange(len(labels)), batch_size=64, augmentation=None, device=torch.device("cpu")
        )
        expected = (images[:, None] / 255 - 0.1307) / 0.3081
        np.testing.assert_allclose(batch[0].numpy(), expected, atol=1e-5)


def test_the_reader_agrees_with_torchvision(tmp_path):
    write_mnist(tmp_path / "MNIST" / "raw")
    source = load_data("mnist", {"root": str(tmp_path)})
    theirs = torchvision.datasets.MNIST(str(tmp_path), train=False)
    np.testing.assert_array_equal(source.test.targets, theirs.targets)


def test_the_fingerprint_is_that_of_the_images_not_of_the_files(tmp_path):
    write_mnist(tmp_path / "plain")
    write_mnist(tmp_path / "compressed", compressed=True)
    write_mnist(tmp_path / "other", seed=1)
    plain, compressed, other = (
        load_data("mnist", {"root": str(tmp_path / name)}).fingerprint
        for name in ("plain", "compressed", "other")
    )
    assert plain == compressed != other


def test_missing_files_are_named_with_the_ways_to_get_them(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    message = r"MNIST files in .*raw, plain or as .gz. Got none named t10k-labels-idx1-ubyte. Set "
    with pytest.raises(StudyError, match=message + r".*download = true.*get them from https:"):
        load_data("mnist", {"root": str(tmp_path)})


def test_download_is_left_to_torchvision(tmp_path, monkeypatch):
    def fetched(root, *, download):
        assert download
        write_mnist(tmp_path / "MNIST" / "raw")

    monkeypatch.setattr(torchvision.datasets, "MNIST", fetched)
    source = load_data("mnist", {"root": str(tmp_path), "download": True})
    assert len(source.train) == 60


IMAGES = np.zeros((60, 28, 28), np.uint8)
HEADER = struct.pack(">4I", 0x0803, 60, 28, 28)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Got the first bytes of an empty file"),
        (HEADER[:11], "Got the first bytes 00 00 08 03"),
        (b"<!DOCTYPE html>" * 9, "Got the first bytes 3c 21"),
        (struct.pack(">3I", 0x0802, 60, 784) + bytes(60 * 784), "Got the first bytes 00 00 08 02"),
        (HEADER + bytes(60 * 784 - 1), r"another number of bytes than its shape \(60, 28, 28\)"),
        (HEADER + bytes(60 * 784 + 1), r"another number of bytes than its shape \(60, 28, 28\)"),
        (struct.pack(">4I", 0x0803, *[2**32 - 1] * 3), "train-images.* OverflowError"),
        (struct.pack(">4I", 0x0803, 60, 14, 56) + IMAGES.tobytes(), r"28×28 .*\(60, 14, 56\)"),
    ],
)
def test_a_file_that_is_no_idx_file_of_mnist_is_refused(tmp_path, content, message):
    write_mnist(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_data("mnist", {"root": str(tmp_path)})


@pytest.mark.parametrize("change", ["truncated", "flipped", "plain"])
def test_a_damaged_archive_is_refused(tmp_path, change):
    write_mnist(tmp_path, compressed=True)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    changed = {
        "truncated": path.read_bytes()[:-2000],
        "flipped": bytes(content),
        "plain": gzip.decompress(path.read_bytes()),
    }
    path.write_bytes(changed[change])
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte.gz. Got .*Fetch the file again"):
        load_data("mnist", {"root": str(tmp_path)})


def test_labels_that_do_not_fit_are_refused(tmp_path):
    write_mnist(tmp_path)
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", np.arange(29, dtype=np.uint8) % 10)
    with pytest.raises(StudyError, match="30 inputs and 29 targets"):
        load_data("mnist", {"root": str(tmp_path)})
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", np.arange(30, dtype=np.uint8))
    with pytest.raises(
        StudyError, match="Expected labels from 0 to 9 in the test split of 'mnist'"
    ):
        load_data("mnist", {"root": str(tmp_path)})
