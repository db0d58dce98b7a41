"""What of a pass can be run, what has ended, and what never will be run."""

import threading

import pytest

from repsim.graph import Work
from tests.repsim.graph.made_up import failure, folder, labels, node

TRAIN = [node("net1", where="train"), node("net2", where="train")]
ACTS = [node(f"acts{i}", f"net{i}", where="train") for i in (1, 2)]
MATCH = [node("pair1", "acts1"), node("pair2", "acts1", "acts2"), node("rows1", "pair1")]
NODES = [*TRAIN, *ACTS, *MATCH]


@pytest.fixture
def ended():
    return []


@pytest.fixture
def work(ended):
    return Work(NODES, lambda node, failed: ended.append((node.label, dict(failed))))


def end(work, *names):
    for one in NODES:
        if one.label in names:
            work.end(one)


def test_a_worker_takes_what_waits_for_no_other_kind_in_order_and_once(work) -> None:
    assert work.take("match") == []
    assert labels(work.take("train")) == ["net1", "net2", "acts1", "acts2"]
    assert work.take("train") == []
    assert not work.left("train")
    assert work.left("match")


def test_what_needs_a_layer_is_given_when_the_layer_is_there(work) -> None:
    work.take("train")
    end(work, "net1", "acts1")
    assert labels(work.take("match")) == ["pair1", "rows1"]
    assert work.take("match") == []
    end(work, "net2")
    assert work.take("match") == []
    end(work, "acts2")
    assert labels(work.take("match")) == ["pair2"]
    assert not work.left("match")


def test_what_needs_something_that_failed_ends_for_the_same_reason(work, ended) -> None:
    train, failed = work.take("train"), failure("net1")
    work.end(train[0], failed)
    work.end(train[2], failure("acts1"))
    assert work.take("match") == []
    assert [label for label, _ in ended] == ["net1", "acts1", "pair1", "pair2", "rows1"]
    assert {str(error) for _, found in ended for error in found.values()} == {"no"}
    assert set(work.failed) == set(map(folder, ("net1", "acts1", "pair1", "pair2", "rows1")))
    assert not work.left("match")


def test_left_ends_what_is_blocked(work, ended) -> None:
    work.take("train")
    work.end(ACTS[0], failure("acts1"))
    assert not work.left("match")
    assert [label for label, _ in ended] == ["acts1", "pair1", "pair2", "rows1"]


def test_what_failed_before_is_not_tried_again_and_not_told_again(ended) -> None:
    work = Work(NODES, lambda node, failed: ended.append(node.label), failure("acts1"))
    assert labels(work.take("train")) == ["net1", "net2", "acts2"]
    assert not work.left("match")
    assert ended == ["pair1", "pair2", "rows1"]


def test_what_nobody_will_run_is_dropped_with_what_needs_it(work, ended) -> None:
    work.give_up("train")
    assert not work.left("train")
    assert not work.left("match")
    assert work.take("match") == []
    assert ended == []


def test_what_is_there_is_still_matched_after_the_training_was_given_up(work) -> None:
    work.take("train")
    end(work, "net1", "acts1")
    work.give_up("train")
    assert labels(work.take("match")) == ["pair1", "rows1"]
    assert not work.left("match")


def test_what_was_taken_and_never_ended_leaves_nothing_to_wait_for(work) -> None:
    work.take("train")  # and then the engine fails
    work.give_up("train")
    assert not work.left("match")


def test_two_threads_take_and_end_side_by_side(ended) -> None:
    nodes = [node(f"net{i}", where="train") for i in range(50)]
    nodes += [node(f"pair{i}", f"net{i}") for i in range(50)]
    work = Work(nodes, lambda node, failed: ended.append(node.label))

    def run(where) -> None:
        while work.left(where):
            for one in work.take(where):
                work.end(one)

    threads = [threading.Thread(target=run, args=(where,)) for where in ("match", "train")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(ended) == sorted(labels(nodes))
    assert work.failed == {}
