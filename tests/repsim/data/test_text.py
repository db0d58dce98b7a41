"""Text files of one's own, those of PTB and WikiText-2, and the bundled text."""

import numpy as np
import pytest

from repsim.data import load_data
from repsim.errors import StudyError

LINES = "the cat sat .\nthe dog sat !\n" * 60


@pytest.fixture
def ptb(tmp_path):
    """A folder in the form of PTB: words between spaces, rare ones already `<unk>`."""
    for part, text in {
        "train": " the <unk> sat on N mats \n" * 20,
        "valid": " the cat sat on N mats \n" * 5,
        "test": " mats on N sat the <unk> \n" * 4,
    }.items():
        (tmp_path / f"ptb.{part}.txt").write_text(text)
    return tmp_path


def test_the_bundled_text_is_english_in_windows_of_words():
    source = load_data("text", {})
    assert 3000 < source.inputs.vocabulary <= 10_000
    assert source.inputs.shape == (35,)
    assert len(source.train) > 7 * len(source.test) > 700
    assert load_data("text", {"vocabulary": 500}).inputs.vocabulary == 500


def test_files_of_ptb_are_split_at_spaces_and_ends_of_lines_are_tokens(ptb):
    source = load_data("text", {"path": str(ptb), "length": 7})
    assert source.inputs.vocabulary == 7  # <unk> <eos> N mats on sat the
    assert (len(source.train), len(source.test)) == (19, 4)
    train, test = (split.targets for split in (source.train, source.test))
    # A word that the training text does not have is the same as one that is marked as unknown.
    np.testing.assert_array_equal(train[0], test[0])
    held_out = load_data("text", {"path": str(ptb), "length": 7, "held_out": "test"})
    assert len(held_out.test) == 3
    assert held_out.fingerprint != source.fingerprint


def test_files_of_wikitext_are_found_by_their_names(tmp_path):
    for part in ("train", "valid", "test"):
        (tmp_path / f"wiki.{part}.tokens").write_text(" \n = Title = \n \n a @-@ b \n" * 9)
    source = load_data("text", {"path": str(tmp_path), "length": 5})
    # Each line has an end, also one without words.
    assert len(source.train) == (9 * 10 - 1) // 5


def test_a_file_is_cut_into_shares(tmp_path):
    path = tmp_path / "own.txt"
    path.write_text(LINES)
    source = load_data("text", {"path": str(path), "length": 5, "valid": 0.25, "test": 0.25})
    assert source.inputs.vocabulary == 8  # with <unk> and <eos>
    assert (len(source.train), len(source.test)) == (59, 29)
    moved = tmp_path / "moved.txt"
    path.rename(moved)
    again = load_data("text", {"path": str(moved), "length": 5, "valid": 0.25, "test": 0.25})
    assert again.fingerprint == source.fingerprint


def test_the_vocabulary_has_the_most_frequent_words(tmp_path):
    path = tmp_path / "own.txt"
    path.write_text(LINES)
    source = load_data("text", {"path": str(path), "length": 5, "vocabulary": 4})
    assert source.inputs.vocabulary == 4
    assert set(np.unique(source.train.targets)) == {0, 1, 2, 3}
    characters = load_data("text", {"path": str(path), "tokens": "characters", "length": 5})
    assert characters.inputs.vocabulary == 1 + len(set(LINES))


def test_examples_are_from_the_start_and_stay_contiguous():
    whole = load_data("text", {})
    part = load_data("text", {"examples": 50, "vocabulary": None})
    assert len(part.train) == 50
    assert part.train.contiguous
    assert part.train.ids == whole.train.ids[:50]


def test_a_token_is_repeated_in_the_test_split_alone():
    plain, repeated = (
        load_data("text", {"length": 10} | extra) for extra in ({}, {"repeat_from": 3})
    )
    assert plain.train.content_digest() == repeated.train.content_digest()
    assert plain.test.ids == repeated.test.ids
    np.testing.assert_array_equal(plain.test.targets[:, :2], repeated.test.targets[:, :2])
    assert (repeated.test.targets[:, 2:] == repeated.test.targets[:, 2:3]).all()


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (None, {}, "which does not exist in"),
        (b"\xff\xfe\x00", {}, "Expected text in UTF-8"),
        (b"", {}, "at least two kinds of tokens"),
        (b"one two three\n" * 4, {"length": 50}, "Expected more than 50 tokens in the train split"),
        (LINES.encode(), {"examples": 10_000, "length": 5}, "at most 95, the windows of 5"),
        (LINES.encode(), {"valid": 0.6, "test": 0.5}, "Expected shares for validation"),
        (LINES.encode(), {"length": 5, "repeat_from": 5}, "Expected repeat_from below"),
    ],
)
def test_wrong_text_is_refused(tmp_path, content, options, said):
    path = tmp_path / "own.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StudyError, match=said):
        load_data("text", {"path": str(path), **options})


def test_a_folder_without_a_file_for_a_part_is_refused(ptb):
    (ptb / "ptb.valid.txt").unlink()
    with pytest.raises(StudyError, match=r"one file for valid in .* Got none"):
        load_data("text", {"path": str(ptb)})
    (ptb / "valid.txt").write_text("a")
    (ptb / "x.valid.txt").write_text("a")
    with pytest.raises(StudyError, match=r"Got valid\.txt, x\.valid\.txt"):
        load_data("text", {"path": str(ptb)})
    with pytest.raises(StudyError, match="a character device"):
        load_data("text", {"path": "/dev/zero"})
