"""The last checkpoint and the one before it; damage falls back."""

import logging

import pytest

from repsim.store import Checkpoints


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
        checkpoints.save(f"state {number}".encode())
        newest = [f"state {n}".encode() for n in (number, number - 1) if n >= 0]
        assert checkpoints.load() == newest
        assert len(files(checkpoints)) == len(newest)


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty"])
def test_a_damaged_newest_falls_back_to_the_one_before(checkpoints, caplog, damage):
    checkpoints.save(b"older")
    checkpoints.save(b"newer")
    path = files(checkpoints)[-1]
    content = {"flipped": b"newes", "cut": b"new", "empty": b""}[damage]
    checkpoints.store.write(path, content)
    with caplog.at_level(logging.WARNING):
        assert checkpoints.load() == [b"older"]
    assert f"{path} is damaged" in caplog.text


def test_an_intact_checkpoint_is_not_dropped_for_a_damaged_one(checkpoints):
    checkpoints.save(b"older")
    checkpoints.save(b"newer")
    checkpoints.store.write(files(checkpoints)[-1], b"damaged")
    assert checkpoints.load() == [b"older"]
    checkpoints.save(b"newest")
    checkpoints.store.write(files(checkpoints)[-1], b"damaged too")
    assert checkpoints.load() == [b"older"]


def test_a_write_that_was_killed_half_way_is_not_seen(checkpoints):
    checkpoints.save(b"older")
    folder = checkpoints.store.root / "checkpoints" / "k"
    (folder / "000000002-0123456789abcdef.pt#1").write_bytes(b"half")
    assert checkpoints.load() == [b"older"]
    checkpoints.save(b"newer")
    assert checkpoints.load() == [b"newer", b"older"]


def test_networks_do_not_see_each_other(checkpoints, store):
    other = Checkpoints(store, "k2")
    other.save(b"other")
    checkpoints.save(b"mine")
    checkpoints.discard()
    assert checkpoints.load() == []
    assert other.load() == [b"other"]
