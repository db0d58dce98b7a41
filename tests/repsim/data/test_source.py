"""The digest of a split of one's own: all that it gives, and what it may not give."""

import numpy as np
import pytest
import torch

from repsim.data import Augmentation, Split, from_arrays
from repsim.data.resident import ResidentSplit
from repsim.errors import StudyError

COUNT = 600


class Own(Split):
    """Images in memory, given by a class of one's own."""

    def __init__(self, images, labels=None, ids=None):
        self.images = images
        self.targets = np.arange(COUNT) % 3 if labels is None else labels
        self.ids = tuple(map(str, range(COUNT))) if ids is None else ids

    def batches(self, indices, *, batch_size, augmentation, device, workers=0):
        for start in range(0, len(indices), batch_size):
            some = indices[start : start + batch_size]
            images = self.images[some]
            if augmentation is not None:
                images = images + torch.randn_like(images)
            yield images, torch.from_numpy(self.targets[some])


@pytest.fixture
def images():
    return torch.from_numpy(np.random.default_rng(0).normal(size=(COUNT, 1, 4, 4)).astype("f4"))


def test_every_pixel_label_and_id_counts(images):
    reference = Own(images).content_digest()
    assert Own(images.clone()).content_digest() == reference
    different = [images.clone() for _ in range(2)]
    # The last bit of one pixel, beyond the first batch; and the sign of zero.
    different[0][500, 0, 1, 2] = torch.nextafter(images[500, 0, 1, 2], torch.tensor(9.0))
    different[1][0, 0, 0, 0] = -different[1][0, 0, 0, 0]
    labels = np.arange(COUNT) % 3
    labels[-1] = 1
    digests = {
        reference,
        *(Own(other).content_digest() for other in different),
        Own(images, labels=labels).content_digest(),
        Own(images, ids=tuple(map(str, range(1, COUNT + 1)))).content_digest(),
        Own(images.double()).content_digest(),
        Own(images.bfloat16()).content_digest(),
        Own(images.reshape(COUNT, 1, 2, 8)).content_digest(),
    }
    assert len(digests) == 8


def test_labels_that_batches_alone_have_count(images):
    class Relabelled(Own):
        def batches(self, indices, **options):
            for batch, labels in super().batches(indices, **options):
                yield batch, 2 - labels

    assert Relabelled(images).content_digest() != Own(images).content_digest()


def test_the_digest_is_of_images_that_are_not_augmented(images):
    torch.manual_seed(0)
    first = Own(images).content_digest()
    torch.manual_seed(1)
    assert Own(images).content_digest() == first


def test_images_that_differ_each_time_are_refused(images):
    class Noisy(Own):
        def batches(self, indices, **options):
            given = options | {"augmentation": Augmentation(seed=0, epoch=0)}
            return super().batches(indices, **given)

    with pytest.raises(StudyError, match=r"a split \(Noisy\) whose batches are the same each time"):
        Noisy(images).content_digest()


def test_batches_that_are_no_tensors_are_refused(images):
    class Arrays(Own):
        def batches(self, indices, **options):
            for batch, labels in super().batches(indices, **options):
                yield batch.numpy(), labels

    with pytest.raises(StudyError, match=r"tensors .* from Arrays.batches. Got ndarray"):
        Arrays(images).content_digest()


def test_a_split_with_a_digest_of_its_own_is_not_read(images):
    class Known(Own):
        def batches(self, indices, **options):
            raise AssertionError("read")

        def content_digest(self):
            return "known"

    assert Known(images).content_digest() == "known"


def test_other_batches_of_images_in_memory_are_read():
    class Inverted(ResidentSplit):
        def batches(self, indices, **options):
            for batch, labels in super().batches(indices, **options):
                yield -batch, labels

    pixels = np.arange(6 * 4, dtype=np.uint8).reshape(6, 1, 2, 2)
    split = from_arrays(train=(pixels, np.arange(6) % 2), test=(pixels, np.arange(6) % 2)).train
    plain = split.content_digest()
    split.__class__ = Inverted
    assert split.content_digest() != plain
