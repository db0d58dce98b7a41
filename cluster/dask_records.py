"""Records of tasks: from Dask's workers, through the scheduler, to whoever submitted them."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import distributed
from distributed import Client, get_worker

from repsim.graph import Recorder, TaskRecord

__all__ = ["records_to"]

log = logging.getLogger("repsim")

# One for all runs: of each topic the scheduler keeps what was said last for as long as it lives.
TOPIC = "repsim-tasks"
# How long the records of tasks that have ended may take to arrive, once nothing else is waited for.
DRAIN_SECONDS = 5.0


@dataclass(frozen=True)
class _Sender:
    """The recorder of the workers."""

    run: str

    def __call__(self, record: TaskRecord) -> None:
        get_worker().log_event(TOPIC, {"run": self.run, "record": asdict(record)})


@contextmanager
def records_to(client: Client, recorder: Recorder | None) -> Iterator[Recorder | None]:
    """A recorder for tasks on workers, from which `recorder` is given every record.

    It is called in a thread of the client; and not any more when the block has ended, before which
    all tasks that have ended are waited for.
    """
    if recorder is None:
        yield None
        return
    run = secrets.token_hex(8)

    def receive(event: tuple[float, Any]) -> None:
        _, message = event
        if message["run"] == run:
            recorder(TaskRecord(**message["record"]))

    client.subscribe_topic(TOPIC, receive)
    try:
        yield _Sender(run)
    finally:
        _drain(client)
        client.unsubscribe_topic(TOPIC)


def _drain(client: Client) -> None:
    """Wait until what the workers have sent is here.

    All that a worker says to the client goes one way and stays in order: when the last task is seen
    to be done, so are the records before it. A worker that is busy for longer is not waited for.
    """
    if client.status != "running":
        return  # the scheduler is gone
    try:
        last = [
            client.submit(_nothing, workers=[worker], priority=1, pure=False)
            for worker in client.nthreads()
        ]
        distributed.wait(last, timeout=DRAIN_SECONDS)
    except Exception as problem:
        log.info("Some of the last tasks may lack a line in the task log: %s", problem)


def _nothing() -> None:
    """What a worker does last."""
