"""Records of tasks come from Dask's workers, each once, also those of the last moment."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client, LocalCluster, fire_and_forget

from cluster import dask_records
from cluster.dask_records import records_to
from repsim.graph import Recorder, TaskRecord, recorded
from repsim.store import Store


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Two workers in processes of their own, with two threads each."""
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=2, dashboard_address="127.0.0.1:0", silence_logs=50
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def write(recorder: Recorder, store: Store, number: int) -> None:
    with recorded(recorder, "moments", str(number)):
        store.write(str(number), b"x" * number)
        if number == 13:
            raise ValueError("thirteen")


def record(recorder: Recorder, of: str) -> None:
    with recorded(recorder, "match", of):
        pass


def record_and_touch(recorder: Recorder, number: int, file: str) -> None:
    for name in range(number):
        record(recorder, str(name))
    Path(file).touch()


def test_every_task_of_every_thread_comes_with_its_own_bytes(
    client: Client, tmp_path: Path
) -> None:
    records: list[TaskRecord] = []
    with records_to(client, records.append) as recorder:
        futures = [
            client.submit(write, recorder, Store(str(tmp_path)), number, pure=False)
            for number in range(1, 41)
        ]
        errors = [future.exception() for future in futures]
    assert [str(error) for error in errors if error is not None] == ["thirteen"]
    assert {int(record.of): record.bytes_written for record in records} == {
        number: number for number in range(1, 41)
    }
    assert len(records) == 40
    failed = [(record.of, record.error) for record in records if record.status == "failed"]
    assert failed == [("13", "thirteen")]
    assert len({record.process for record in records}) == 2
    assert os.getpid() not in {record.process for record in records}


def test_what_ended_just_before_the_end_is_not_lost(client: Client, tmp_path: Path) -> None:
    for attempt in range(3):
        records: list[TaskRecord] = []
        file = tmp_path / str(attempt)
        with records_to(client, records.append) as recorder:
            fire_and_forget(client.submit(record_and_touch, recorder, 500, str(file), pure=False))
            while not file.exists():
                time.sleep(0.001)
        assert [int(record.of) for record in records] == list(range(500))


def test_a_worker_that_stays_busy_is_not_waited_for(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_records, "DRAIN_SECONDS", 0.2)
    with records_to(client, lambda record: None):
        busy = [client.submit(time.sleep, 3, pure=False) for _ in range(4)]
        while sum(map(len, client.processing().values())) < 4:
            time.sleep(0.01)
        time.sleep(0.2)
        began = time.monotonic()
    assert time.monotonic() - began < 2
    client.cancel(busy)


def test_runs_that_share_a_scheduler_get_their_own_records(client: Client) -> None:
    mine: list[TaskRecord] = []
    theirs: list[TaskRecord] = []
    with (
        Client(client.scheduler.address) as other,
        records_to(client, mine.append) as my_recorder,
        records_to(other, theirs.append) as their_recorder,
    ):
        for one, recorder, of in ((client, my_recorder, "mine"), (other, their_recorder, "theirs")):
            one.submit(record, recorder, of).result()
    assert [record.of for record in mine] == ["mine"]
    assert [record.of for record in theirs] == ["theirs"]


def test_without_a_recorder_nothing_is_subscribed(client: Client) -> None:
    handlers = dict(client._event_handlers)
    with records_to(client, None) as recorder:
        assert recorder is None
        assert client._event_handlers == handlers
