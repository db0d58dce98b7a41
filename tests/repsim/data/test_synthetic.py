import numpy as np
import pytest
import torch

from repsim.data import load_data
from repsim.errors import StudyError

CPU = torch.device("cpu")


def collect(split, indices, batch_size=16):
    batches = list(
        split.batches(np.asarray(indices), batch_size=batch_size, augmentation=None, device=CPU)
    )
    return torch.cat([images for images, _ in batches]), torch.cat([y for _, y in batches])


def test_sizes_are_those_asked_for():
    options = {"examples": 7, "test_examples": 5, "classes": 3, "size": 20, "channels": 2}
    source = load_data("synthetic", options)
    assert (len(source.train), len(source.test)) == (7, 5)
    images, labels = collect(source.train, range(7))
    assert images.shape == (7, *source.inputs.shape) == (7, 2, 20, 20)
    assert images.dtype == torch.float32
    np.testing.assert_array_equal(labels, [0, 1, 2, 0, 1, 2, 0])
    assert source.test.ids == tuple(f"test/{index}" for index in range(5))


def test_an_image_depends_on_seed_split_and_index_alone():
    source = load_data("synthetic", {"examples": 50})
    whole, _ = collect(source.train, range(50))
    part, _ = collect(source.train, [41, 2, 2], batch_size=2)
    torch.testing.assert_close(part, whole[[41, 2, 2]], rtol=0, atol=0)
    more = load_data("synthetic", {"examples": 5000})
    torch.testing.assert_close(collect(more.train, range(50))[0], whole, rtol=0, atol=0)
    assert not torch.equal(collect(source.test, range(50))[0], whole)
    other = load_data("synthetic", {"examples": 50, "seed": 1})
    assert not torch.equal(collect(other.train, range(50))[0], whole)


def test_a_split_of_any_length_is_made_at_once():
    source = load_data("synthetic", {"examples": 10_000_000, "size": 224, "channels": 3})
    images, _ = collect(source.train, [9_999_999])
    assert images.shape == (1, 3, 224, 224)
    assert len(source.fingerprint) == 64


def test_classes_can_be_told_apart_and_noise_hides_them():
    def accuracy(noise):
        source = load_data("synthetic", {"examples": 500, "noise": noise})
        images, labels = collect(source.train, range(500))
        means = torch.stack([images[labels == k].mean(dim=0) for k in range(10)])
        test, truth = collect(source.test, range(500))
        return (torch.cdist(test.flatten(1), means.flatten(1)).argmin(1) == truth).float().mean()

    assert accuracy(1.0) > 0.99
    assert accuracy(100.0) < 0.3


def test_pixels_have_unit_variance_whatever_the_noise():
    for noise in (0.0, 1.0, 5.0):
        source = load_data("synthetic", {"classes": 200, "noise": noise})
        images, _ = collect(source.train, range(200))
        assert 0.9 < images.std() < 1.1


def test_the_fingerprint_changes_with_every_option():
    base = {
        "examples": 10, "test_examples": 10, "classes": 3, "size": 8, "channels": 1,
        "noise": 1.0, "seed": 0,
    }  # fmt: skip
    changed = [base, *({**base, name: base[name] + 1} for name in base)]
    assert len({load_data("synthetic", options).fingerprint for options in changed}) == 8
    assert load_data("synthetic", base).fingerprint == load_data("synthetic", base).fingerprint


@pytest.mark.parametrize(
    "options", [{"examples": 0}, {"classes": 1}, {"size": 3}, {"noise": -0.1}, {"seed": -1}]
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(StudyError, match=rf"option '{next(iter(options))}' of dataset 'synthetic'"):
        load_data("synthetic", options)
