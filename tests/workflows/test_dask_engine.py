"""Matching on a real Dask: what a node does to its worker falls on that node alone."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import dask
import pytest

from cluster.profile import Profile, load_profile
from repsim.graph import Node, TaskRecord, Work, on_store
from repsim.store import Artifact, Store
from tests.faults.publication_points import Silent
from tests.repsim.graph.made_up import folder, labels, node
from workflows.engines import Session
from workflows.engines import dask as engine
from workflows.engines.dask import match


@pytest.fixture
def profile() -> Iterator[Profile]:
    """One worker, which all tasks share; what is there when two of them end is given up."""
    sets = ["dask.workers=1", "dask.threads_per_worker=1"]
    with dask.config.set({"distributed.scheduler.allowed-failures": 1}):
        yield load_profile("local", sets)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "runs"))


def kill_the_worker(store: Store) -> None:
    """What a node does that takes more memory than there is."""
    os.kill(os.getpid(), signal.SIGKILL)


def deadly(name: str, *needs: str) -> Node:
    return node(name, *needs, make=on_store(kill_the_worker))


def made(
    nodes: list[Node], store: Store, profile: Profile
) -> tuple[dict[str, str], list[TaskRecord]]:
    """What failed of the nodes, by label, and what the workers have recorded."""
    ended: dict[str, str] = {}
    records: list[TaskRecord] = []

    def end(node: Node, failed: object) -> None:
        assert node.label not in ended
        ended[node.label] = type(next(iter(failed.values()))).__name__ if failed else ""

    session = Session(
        store=store,
        profile=profile,
        reporter=Silent(),
        stop=threading.Event(),
        recorder=records.append,
    )
    work = Work(nodes, end)
    match(work, session)
    assert sorted(ended) == sorted(labels(nodes))
    assert not work.left("match")
    return {label: error for label, error in ended.items() if error}, records


def there(store: Store, nodes: list[Node]) -> list[str]:
    return [n.label for n in nodes if Artifact.at(store, folder(n.label)).exists()]


def test_a_batch_that_ends_its_worker_is_divided_and_one_node_alone_fails(
    store: Store, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All nodes of one depth in one batch: six of them share their fate at first.
    monkeypatch.setattr(engine, "BATCHES_PER_THREAD", 0.01)
    nodes = [
        *(node(f"a{i}") for i in range(6)),
        deadly("b1", "a1"),
        node("c1", "b1"),
        node("c2", "a2"),
        node("d1", "a1", "c2"),
    ]
    failed, records = made(nodes, store, profile)
    assert failed == {"b1": "KilledWorker", "c1": "KilledWorker"}
    assert there(store, nodes) == [f"a{i}" for i in range(6)] + ["c2", "d1"]
    assert {record.of for record in records} == set(labels(nodes)) - {"b1", "c1"}


def test_a_chain_of_batches_after_one_that_is_divided_is_made(
    store: Store, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BATCH_SECONDS", 0.021)  # two small nodes each
    nodes = [
        node("a1"),
        deadly("a2"),
        *(node(f"b{i}", "a1") for i in range(4)),
        *(node(f"c{i}", f"b{i}") for i in range(4)),
        *(node(f"d{i}", "a2", f"c{i}") for i in range(2)),
    ]
    failed, _ = made(nodes, store, profile)
    assert failed == dict.fromkeys(("a2", "d0", "d1"), "KilledWorker")
    assert len(there(store, nodes)) == 9
