"""Texts cut into windows, and sequences padded to the longest."""

import numpy as np
import pytest
import torch

from repsim.data import Augmentation, from_tokens, load_data
from repsim.errors import StudyError

CPU = torch.device("cpu")


def batches(split, indices, **options):
    arguments = {"batch_size": 3, "augmentation": None, "device": CPU, **options}
    found = list(split.batches(np.array(indices), **arguments))
    return tuple(torch.cat(parts) for parts in zip(*found, strict=True))


def test_windows_are_the_text_and_targets_are_one_token_later():
    text = np.arange(23) % 9
    source = from_tokens(train=text, test=text[:12], vocabulary=9, length=5)
    assert (len(source.train), len(source.test)) == (4, 2)
    inputs, targets = batches(source.train, range(4))
    np.testing.assert_array_equal(inputs.flatten(), text[:20])
    np.testing.assert_array_equal(targets.flatten(), text[1:21])
    np.testing.assert_array_equal(source.train.targets, targets)
    assert source.train.contiguous
    assert source.train.ids == ("train/0", "train/5", "train/10", "train/15")
    assert source.train.true_labels is None
    objective = source.objective()
    assert (objective.loss, objective.outputs, objective.score) == ("next_token", 9, "perplexity")


def test_another_epoch_cuts_the_text_at_other_places():
    text = np.random.default_rng(0).integers(50, size=200)
    split = from_tokens(train=text, test=text, vocabulary=50, length=8).train
    cut = [
        batches(split, range(len(split)), augmentation=Augmentation(seed=1, epoch=epoch))[0]
        for epoch in range(1, 9)
    ]
    shifts = {int(np.flatnonzero(text == one[0, 0].item())[0]) % 8 for one in cut}
    assert len(shifts) > 2
    for one in cut:
        # Contiguous all the same: the next window goes on where this one ends.
        flat = one[:-1].flatten().numpy()
        (start,) = [s for s in range(8) if np.array_equal(text[s : s + len(flat)], flat)]
        assert 0 <= start < 8


def test_shorter_sequences_are_padded_and_have_no_targets_there():
    source = from_tokens(train=[[1, 2, 3, 4], [5, 6]], test=[[7, 8, 9]], vocabulary=10)
    inputs, targets = batches(source.train, [1, 0])
    np.testing.assert_array_equal(inputs, [[5, 0, 0], [1, 2, 3]])
    np.testing.assert_array_equal(targets, [[6, -1, -1], [2, 3, 4]])
    np.testing.assert_array_equal(source.train.lengths, [3, 1])
    np.testing.assert_array_equal(source.test.lengths, [2])
    assert not source.train.contiguous


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"train": np.arange(4) % 3, "length": 5},
            "Expected more than 5 tokens in the train split",
        ),
        ({"train": np.arange(40)}, r"tokens from 0 to 8 in the train split .* Got 0 to 39"),
        ({"train": np.ones(40)}, "Expected at least two tokens, integers"),
        ({"train": [[1, 2], [3, 4]]}, "Expected texts, integers .*Got one of each"),
        ({"length": None}, "Expected the length of the windows"),
        ({"vocabulary": 1}, "Expected a vocabulary of at least 2"),
        ({"train": [[1, 2, 3]], "test": [[1, 2]], "length": 1}, "sequences of at most 2 tokens"),
        ({"train": [[1, 2, 3]], "test": [[1]]}, "Expected at least two tokens"),
        ({"train": [[1, 2, 3]], "test": []}, "Expected texts|at least one sequence"),
    ],
)
def test_wrong_tokens_are_refused(given, said):
    text = np.arange(40) % 9
    arguments = {"train": text, "test": text, "vocabulary": 9, "length": 5} | given
    with pytest.raises(StudyError, match=said):
        from_tokens(**arguments)


@pytest.mark.parametrize("kind", ["motifs", "copy", "noise"])
def test_made_up_sequences_depend_on_their_seed_alone(kind):
    options = {"kind": kind, "examples": 40, "test_examples": 10}
    one, same = (load_data("sequences", options) for _ in range(2))
    other = load_data("sequences", options | {"seed": 1})
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert (len(one.train), len(one.test)) == (40, 10)
    assert str(one.inputs) == "sequences of 20 ids below 20"


def test_the_copy_task_can_be_predicted_in_its_second_half():
    tokens, following = batches(load_data("sequences", {"kind": "copy"}).train, range(50))
    whole = torch.cat([tokens, following[:, -1:]], dim=1)
    np.testing.assert_array_equal(whole[:, 11:], whole[:, :10])


def test_sequences_of_random_length_are_padded():
    split = load_data("sequences", {"shortest": 4, "length": 9}).train
    assert (split.lengths.min(), split.lengths.max()) == (4, 9)
    assert ((split.targets == -1).sum(axis=1) == 9 - split.lengths).all()


def test_random_labels_are_none_of_a_text():
    with pytest.raises(StudyError, match=r"random_labels\. Got the next tokens"):
        load_data("sequences", {"random_labels": 0.5})


def test_a_subset_keeps_the_lengths_of_its_sequences(monkeypatch):
    from repsim.data.transform import Transform

    source = load_data("sequences", {"shortest": 4, "length": 9})
    subset = Transform(examples=100).apply(source).train
    np.testing.assert_array_equal((subset.targets != -1).sum(axis=1), subset.lengths)
    text = from_tokens(train=np.arange(99) % 5, test=np.arange(9) % 5, vocabulary=5, length=4)
    assert not Transform(examples=9).apply(text).train.contiguous
