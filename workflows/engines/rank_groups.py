"""One network that several processes train together, started and watched by Ray Train.

Each network has an actor here that asks Ray Train for the processes, and asks again when one of
them dies: training goes on from the checkpoint in the store. Ray Train's own storage is not used.
"""

import logging
import threading
from typing import Any

import ray
from ray.exceptions import RayActorError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from cluster.run_folders import run_folder
from repsim.errors import ClusterError, PreemptedError, TrainingError
from repsim.graph import Batch, NetworkProgress, TaskRecord
from repsim.store import Store
from workflows.engines.network_actors import Need
from workflows.engines.rank_process import run_rank

__all__ = ["RankGroup", "rank_group"]

log = logging.getLogger("repsim")

# Read by Ray Train in the process that starts it.
RAY_TRAIN = {
    # How often it looks whether the processes live and are done; 2 seconds by default.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    # Paths in a study mean the same in every process.
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
}


class RankGroup:
    """An actor: has one network trained by several processes, and answers how far they are."""

    def __init__(self, need: Need, restarts: int) -> None:
        self._need = need
        self._restarts = restarts
        self._progress: NetworkProgress | None = None
        self._records: list[TaskRecord] = []
        self._stop = threading.Event()
        self._error: Exception | None = None
        self._placement: Any = None

    def run(self, store: Store, nodes: Batch, recording: bool = False) -> None:
        """Run the nodes of a network, one after the other, by several processes.

        Raises
        ------
        TrainingError
            Also when processes died more often than the profile allows.
        ClusterError
            When Ray Train itself died, and what it held cannot be freed before this run ends.
        """
        from ray.train import TrainingFailedError

        for _ in range(self._restarts + 1):
            self._error = self._placement = None
            try:
                self._train(store, nodes, recording)
                return
            except RayActorError as problem:
                self._release(problem)
                last: Exception = problem
            except TrainingFailedError as problem:
                last = problem
            if self._error is not None:
                raise self._error
            if self._stop.is_set():
                raise PreemptedError(f"Stopped while {nodes[0].label} was trained. Run it again.")
            log.warning("%s: a process that trains it died; trying again", nodes[0].label)
        raise TrainingError(
            f"Expected the {self._need.ranks} processes that train {nodes[0].label} to live. Got: "
            f"one died, {self._restarts + 1} times, the last time so: {_cause(last)}. Was memory "
            "short? Its checkpoints are kept: run again."
        )

    def _train(self, store: Store, nodes: Batch, recording: bool) -> None:
        from ray.train import FailureConfig, RunConfig, ScalingConfig
        from ray.train.torch import TorchTrainer

        need = self._need
        with run_folder("repsim-train-") as folder:
            TorchTrainer(
                run_rank,
                train_loop_config={
                    "group": ray.get_runtime_context().current_actor,
                    "work": (store, nodes, need.resources),
                    "recording": recording,
                },
                scaling_config=ScalingConfig(
                    num_workers=need.ranks,
                    use_gpu=need.gpus > 0,
                    resources_per_worker=need.bundle,
                ),
                run_config=RunConfig(
                    name="network",
                    storage_path=str(folder),
                    failure_config=FailureConfig(max_failures=0),
                    worker_runtime_env={
                        "env_vars": {"OMP_NUM_THREADS": str(need.resources.threads)}
                    },
                ),
            ).fit()

    def _release(self, problem: RayActorError) -> None:
        """Free what the processes held: a Ray Train that was killed leaves it reserved."""
        placement, self._placement = self._placement, None
        if placement is None:
            raise ClusterError(
                f"Expected Ray Train to live. Got: {_last_line(problem)}. Was memory short on "
                "the node that the run was started on? All that is finished is kept: run again."
            )
        ray.util.remove_placement_group(placement)

    def begin(self, placement: Any) -> None:
        """The processes have started, in this placement group."""
        self._placement = placement

    def exchange(self, progress: NetworkProgress | None) -> bool:
        """The first rank is here; the answer is whether it is to stop."""
        self._progress = progress
        return self._stop.is_set()

    def record(self, record: TaskRecord) -> None:
        """A task of a rank has ended."""
        self._records.append(record)

    def fail(self, error: Exception) -> None:
        """A rank ends with an error that it would meet again."""
        self._error = self._error or error

    def progress(self) -> tuple[NetworkProgress | None, tuple[TaskRecord, ...]]:
        """How far the network is, None before its training has begun; and tasks that have ended."""
        return self._progress, tuple(self._records)

    def stop(self) -> None:
        """Have a checkpoint written, and end."""
        self._stop.set()


def rank_group(need: Need, restarts: int) -> Any:
    """The actor of a network that several processes train.

    It lives and dies with the node of this process, as Ray Train does with it: were it lost alone,
    the processes it has asked for would not be known to the next one.
    """
    here = ray.get_runtime_context().get_node_id()
    return (
        ray.remote(RankGroup)
        .options(
            num_cpus=0,
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=8,
            scheduling_strategy=NodeAffinitySchedulingStrategy(here, soft=False),
            runtime_env={"env_vars": RAY_TRAIN},
        )
        .remote(need, restarts)
    )


def _cause(problem: Exception) -> str:
    """What ended an attempt: a rank that died says more than one that lost its connection to it."""
    failures = list(getattr(problem, "worker_failures", {}).values()) or [problem]
    deaths = [failure for failure in failures if "Traceback" not in str(failure)]
    return _last_line((deaths or failures)[0])


def _last_line(problem: Exception) -> str:
    return str(problem).strip().splitlines()[-1].rstrip(".")
