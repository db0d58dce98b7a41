"""Batches keep the order, lose nothing, and fail no node for another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repsim.errors import CaptureError, PreemptedError, StoreError, TrainingError
from repsim.graph import Node, Worker, batches_of, failures_of, groups_of, run_batch
from repsim.store import Artifact, Store
from tests.repsim.graph.made_up import failure, folder, labels, node


@st.composite
def nodes(draw: st.DrawFn) -> list[Node]:
    """Nodes that need some of those before them, and things that exist."""
    found: list[Node] = []
    for number in range(draw(st.integers(0, 25))):
        before = [one.label for one in found] + ["there0"]
        needs = draw(st.lists(st.sampled_from(before), unique=True, max_size=4))
        seconds = draw(st.sampled_from([0.0, 0.1, 0.3, 0.6, 0.9, 3.0]))
        found.append(node(f"n{number}", *needs, seconds=seconds))
    return found


@given(nodes(), st.sampled_from([0.01, 0.5, 1.0, 100.0]))
def test_batches_keep_the_order_and_hold_each_node_once(given_nodes, seconds) -> None:
    batches = batches_of(given_nodes, seconds)
    assert sorted(labels([n for batch in batches for n in batch])) == sorted(labels(given_nodes))
    made: set[str] = {folder("there0")}
    for batch in batches:
        assert batch
        for one in batch:
            assert made.issuperset(one.needs)
            made.update(one.folders)
        assert len(batch) == 1 or all(one.seconds < seconds / 2 for one in batch)
        assert sum(one.seconds for one in batch) <= 1.5 * seconds or len(batch) == 1


@given(nodes())
def test_a_batch_begins_when_any_of_its_nodes_could_begin(given_nodes) -> None:
    batches = batches_of(given_nodes, 1.0)
    place = {folder: i for i, b in enumerate(batches) for n in b for folder in n.folders}
    after: list[set[int]] = []
    for number, batch in enumerate(batches):
        needed = [{place[f] for f in n.needs if f in place} - {number} for n in batch]
        # All that the batch waits for, the first of its nodes waits for, at last by way of others.
        reached = set(needed[0])
        for one in needed[0]:
            reached |= after[one]
        assert set().union(*needed) <= reached
        after.append(reached)


def test_small_nodes_travel_together_and_large_ones_alone() -> None:
    small = [node(f"small{i}", seconds=0.1) for i in range(20)]
    large = [node(f"large{i}", seconds=5.0) for i in range(2)]
    batches = batches_of([*small[:10], large[0], *small[10:], large[1]], 1.0)
    sizes = sorted(len(batch) for batch in batches)
    assert sizes[:2] == [1, 1]
    assert sum(sizes[2:]) == 20
    assert len(sizes) <= 5


def test_of_groups_each_has_what_needs_its_first() -> None:
    given_nodes = [
        node("net1"),
        node("net2"),
        node("acts1", "net1"),
        node("acts2", "net2"),
        node("acts3", "net3"),
    ]
    groups = groups_of(given_nodes)
    assert [labels(group) for group in groups] == [["net1", "acts1"], ["net2", "acts2"], ["acts3"]]


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(str(tmp_path / "runs"))


def broken(name: str, *needs: str, error: Exception) -> Node:
    """A node that fails."""

    def fail(*arguments: object) -> None:
        raise error

    return node(name, *needs, make=fail)


def exists(store: Store, name: str) -> bool:
    return Artifact.at(store, folder(name)).exists()


def test_a_node_fails_with_what_it_needs_and_the_others_go_on(store) -> None:
    batch = [
        node("a1"),
        broken("b1", error=ValueError("b1 broke")),
        node("c1", "b1"),
        node("d1", "c1"),
        node("e1", "before1"),
        node("f1", "a1"),
    ]
    failed = run_batch(store, batch, [failure("before1", "earlier"), {}], Worker())
    assert {name: str(failed[folder(name)]) for name in ("b1", "c1", "d1", "e1")} == {
        **dict.fromkeys(("b1", "c1", "d1"), "b1 broke"),
        "e1": "earlier",
    }
    assert len(failed) == 4
    assert exists(store, "a1")
    assert exists(store, "f1")
    assert not any(exists(store, name) for name in ("c1", "d1", "e1"))


@pytest.mark.parametrize("error", [StoreError("gone"), PreemptedError("stopped")])
def test_what_ends_all_is_not_a_failure_of_one(store, error) -> None:
    with pytest.raises(type(error)):
        run_batch(store, [broken("a1", error=error), node("b1")], (), Worker())
    assert not exists(store, "b1")


def test_what_was_published_before_an_error_has_not_failed(store) -> None:
    made, lost = node("a1"), node("b1")
    run_batch(store, [made], (), Worker())
    assert list(failures_of(store, [made, lost], ValueError("no"))) == [folder("b1")]


def test_layers_that_could_not_be_captured_fail_each_for_its_reason(store) -> None:
    found = failures_of(store, [node("acts1"), node("acts2")], CaptureError({folder("acts2"): "x"}))
    assert list(found) == [folder("acts2")]
    assert isinstance(found[folder("acts2")], TrainingError)
