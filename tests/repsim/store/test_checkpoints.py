"""The last checkpoint and the one before it; damage falls back."""

import hashlib
import logging

import pytest

from repsim.store import Checkpoints
from repsim.store.checkpoints import Checkpoint


@pytest.fixture
def checkpoints(store):
    return Checkpoints(store, "k")


def files(checkpoints):
    return list(checkpoints.store.sizes("checkpoints/k"))


def test_none_are_there_at_first(checkpoints):
    assert checkpoints.load() == []
    checkpoints.discard()


def test_the_last_two_are_kept_newest_first(checkpoints):
    for number in range(12):
        checkpoints.save(f"state {number}".encode(), epoch=1)
        newest = [f"state {n}".encode() for n in (number, number - 1) if n >= 0]
        assert checkpoints.load() == newest
        assert len(files(checkpoints)) == len(newest)


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty"])
def test_a_damaged_newest_falls_back_to_the_one_before(checkpoints, caplog, damage):
    checkpoints.save(b"older", epoch=1)
    checkpoints.save(b"newer", epoch=1)
    path = files(checkpoints)[-1]
    content = {"flipped": b"newes", "cut": b"new", "empty": b""}[damage]
    checkpoints.store.write(path, content)
    with caplog.at_level(logging.WARNING):
        assert checkpoints.load() == [b"older"]
    assert f"{path} is damaged" in caplog.text


def test_an_intact_checkpoint_is_not_dropped_for_a_damaged_one(checkpoints):
    checkpoints.save(b"older", epoch=1)
    checkpoints.save(b"newer", epoch=1)
    checkpoints.store.write(files(checkpoints)[-1], b"damaged")
    assert checkpoints.load() == [b"older"]
    checkpoints.save(b"newest", epoch=1)
    checkpoints.store.write(files(checkpoints)[-1], b"damaged too")
    assert checkpoints.load() == [b"older"]


def test_a_write_that_was_killed_half_way_is_not_seen(checkpoints):
    checkpoints.save(b"older", epoch=1)
    folder = checkpoints.store.root / "checkpoints" / "k"
    (folder / "000000002-0123456789abcdef.pt#1").write_bytes(b"half")
    assert checkpoints.load() == [b"older"]
    checkpoints.save(b"newer", epoch=1)
    assert checkpoints.load() == [b"newer", b"older"]


def test_the_epoch_is_in_the_name(checkpoints):
    checkpoints.save(b"state", epoch=12)
    (path,) = files(checkpoints)
    found = Checkpoint.at(path)
    assert (found.path, found.number, found.epoch) == (path, 1, 12)


def test_a_name_without_an_epoch_is_read_as_well_and_is_older_than_the_next(checkpoints):
    sha256 = hashlib.sha256(b"older").hexdigest()[:32]
    checkpoints.store.write(f"checkpoints/k/000000007-{sha256}.pt", b"older")
    assert Checkpoint.at(files(checkpoints)[0]).epoch is None
    assert checkpoints.load() == [b"older"]
    checkpoints.save(b"newer", epoch=3)
    assert checkpoints.load() == [b"newer", b"older"]


@pytest.mark.parametrize(
    "name", ["notes.txt", "000000009-epoch1-abc.pt", "x-epoch1-" + "a" * 32 + ".pt"]
)
def test_a_file_of_another_name_is_left_alone(checkpoints, name):
    checkpoints.store.write(f"checkpoints/k/{name}", b"of somebody else")
    assert checkpoints.load() == []
    checkpoints.save(b"state", epoch=1)
    assert checkpoints.load() == [b"state"]
    assert f"checkpoints/k/{name}" in files(checkpoints)


def test_discarding_leaves_nothing(checkpoints):
    checkpoints.save(b"state", epoch=1)
    folder = checkpoints.store.root / "checkpoints" / "k"
    (folder / "000000002-epoch1-0123456789abcdef.pt#1").write_bytes(b"half")
    checkpoints.discard()
    assert not folder.exists()


def test_networks_do_not_see_each_other(checkpoints, store):
    other = Checkpoints(store, "k2")
    other.save(b"other", epoch=1)
    checkpoints.save(b"mine", epoch=1)
    checkpoints.discard()
    assert checkpoints.load() == []
    assert other.load() == [b"other"]
