"""A record of each task that ends, however it ends."""

import os
import platform
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from repsim.errors import IntegrityError, PreemptedError
from repsim.graph import TaskRecord, Worker, process_seconds, recorded, run_batch
from repsim.store import Artifact, Store
from tests.repsim.stages.pairs import make_pair, nodes_of


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(str(tmp_path / "runs"))


def test_a_task_is_recorded_with_its_place_and_its_time() -> None:
    records: list[TaskRecord] = []
    with recorded(records.append, "profile", "seed 0 / seed 1, relu"):
        busy_until = time.thread_time() + 0.05
        while time.thread_time() < busy_until:
            pass
        time.sleep(0.05)
    (record,) = records
    assert (record.task, record.of) == ("profile", "seed 0 / seed 1, relu")
    assert (record.host, record.process) == (platform.node(), os.getpid())
    assert (record.status, record.error) == ("done", None)
    assert record.seconds >= record.cpu_seconds + 0.045
    assert 0.05 <= record.cpu_seconds < record.seconds
    ended = datetime.fromisoformat(record.time)
    assert ended.utcoffset() == timedelta(0)
    assert datetime.now(UTC) - ended < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("problem", "status", "error"),
    [
        (
            IntegrityError("Expected a file. Got nothing."),
            "failed",
            "Expected a file. Got nothing.",
        ),
        (MemoryError(), "failed", "MemoryError"),
        (OSError("no such file: \udcff"), "failed", "no such file: \\udcff"),
        (PreemptedError("Stopped in epoch 3."), "stopped", "Stopped in epoch 3."),
        (KeyboardInterrupt(), "failed", "KeyboardInterrupt"),
    ],
)
def test_a_task_that_does_not_get_done_is_recorded_too(problem, status, error) -> None:
    records: list[TaskRecord] = []
    with pytest.raises(type(problem)), recorded(records.append, "train", "seed 0"):
        raise problem
    assert [(record.status, record.error) for record in records] == [(status, error)]


def test_without_a_recorder_nothing_is_measured() -> None:
    with recorded(None, "train", "seed 0", cpu_clock=lambda: 1 / 0):
        pass


def test_the_clock_of_a_process_sees_its_threads_and_the_children_that_ended() -> None:
    def work() -> None:
        until = time.thread_time() + 0.1
        while time.thread_time() < until:
            pass

    began, alone = process_seconds(), time.thread_time()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert process_seconds() - began >= 0.08
    assert time.thread_time() - alone < 0.08
    began = process_seconds()
    os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", "i=0; while [ $i -lt 100000 ]; do "
                                          "i=$((i+1)); done"], {}), 0)  # fmt: skip
    assert process_seconds() - began >= 0.02


def test_tasks_side_by_side_count_their_own_bytes(store: Store) -> None:
    together = threading.Barrier(2)
    records: list[TaskRecord] = []

    def task(size: int) -> None:
        with recorded(records.append, "moments", str(size)):
            for number in range(5):
                together.wait(timeout=30)
                store.write(f"{size}/{number}", b"x" * size)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(task, (10, 1000)))
    assert {record.of: record.bytes_written for record in records} == {"10": 50, "1000": 5000}


def test_every_node_has_a_record_with_the_bytes_of_what_it_published(store: Store) -> None:
    pair = make_pair(store)
    nodes = nodes_of(store, pair.spec)
    records: list[TaskRecord] = []
    assert run_batch(store, nodes, (), Worker(recorder=records.append)) == {}
    assert [(r.task, r.of) for r in records] == [(node.task, node.label) for node in nodes]
    taken = {(record.task, record.of): record for record in records}
    label = pair.spec.label
    published = {
        ("moments", label): Artifact.at(store, pair.spec.moments_folder),
        ("profile", label): Artifact.at(store, pair.spec.profile_folder),
        ("match", label): Artifact.at(store, pair.spec.folder),
    }
    for name, artifact in published.items():
        size = sum(store.sizes(artifact.folder).values())
        assert size > 0
        assert taken[name].bytes_written >= size, name
    activations = sum(
        size
        for layer in pair.spec.layers
        for path, size in store.sizes(layer.artifact(store).folder).items()
        if "/c/" in path
    )
    reductions = [record for record in records if record.task == "reduce"]
    assert sum(record.bytes_read for record in reductions) >= activations > 0
    assert {record.task for record in records} == {
        *("reduce", "moments", "profile", "replicates", "match")
    }


def test_a_node_that_fails_is_recorded_and_those_that_need_it_are_not(store: Store) -> None:
    pair = make_pair(store)
    for path in store.sizes(pair.spec.x.artifact(store).folder):
        if "/c/" in path:
            store.write(path, b"damaged")
    records: list[TaskRecord] = []
    nodes = nodes_of(store, pair.spec)
    failed = run_batch(store, nodes, (), Worker(recorder=records.append))
    errors = [failed[folder] for node in nodes for folder in node.folders]
    assert [(record.task, record.status) for record in records] == [("reduce", "failed")]
    assert records[0].error == str(errors[0])
