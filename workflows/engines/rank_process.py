"""What one of the processes that train a network together does, once Ray Train has started it."""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ray
from ray.exceptions import RayActorError

from repsim.graph import NetworkProgress, Recorder, Resources, TaskRecord, Worker, run_node
from repsim.training import Ranks

__all__ = ["run_rank"]

# Between two times that the first rank says how far it is, and asks whether to stop.
EXCHANGE_SECONDS = 0.5


def run_rank(config: dict[str, Any]) -> None:
    """What Ray Train runs in each process, after it has set up torch's process group."""
    from ray.train.torch import get_device

    group = config["group"]
    store, nodes, resources = config["work"]
    ranks = Ranks.of_process_group()
    report, should_stop = _link(group) if ranks.first else (_ignore, _never)
    worker = Worker(
        resources=_on(str(get_device()), resources),
        ranks=ranks,
        report=report,
        should_stop=should_stop,
        recorder=_recorder(group) if config["recording"] else None,
    )
    try:
        for node in nodes:
            run_node(store, node, worker)
    except RuntimeError:
        raise  # what a rank meets when another one dies: the group tries again
    except Exception as problem:
        ray.get(group.fail.remote(problem))
        raise


def _recorder(group: Any) -> Recorder:
    def record(record: TaskRecord) -> None:
        with contextlib.suppress(RayActorError):  # with it, this process will soon be ended
            ray.get(group.record.remote(record))

    return record


def _on(device: str, resources: Resources) -> Resources:
    """On the device that Ray gave this process, which sees all GPUs of its group on its node."""
    given = device != "cpu" or resources.device == "auto"
    return replace(resources, device=device) if given else resources


def _link(group: Any) -> tuple[Callable[[NetworkProgress], None], Callable[[], bool]]:
    """How the first rank reports, and is told to stop: a thread asks, so that no step waits."""
    latest: list[NetworkProgress | None] = [None]
    stop = threading.Event()

    def report(progress: NetworkProgress) -> None:
        latest[0] = progress

    def exchange() -> None:
        while not stop.wait(EXCHANGE_SECONDS):
            try:
                if ray.get(group.exchange.remote(latest[0])):
                    stop.set()
            except RayActorError:  # with it, this process will soon be ended
                stop.set()

    ray.get(group.begin.remote(ray.util.get_current_placement_group()))
    threading.Thread(target=exchange, daemon=True).start()
    return report, stop.is_set


def _ignore(progress: NetworkProgress) -> None:
    del progress


def _never() -> bool:
    return False
