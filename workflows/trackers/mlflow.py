"""MLflow: an experiment for the study, with a run for each network and one for the results."""

import logging
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run

from workflows.trackers.tracker import Results, TrackedNetwork, TrackedStudy

__all__ = ["MLflow"]

Entry = TypeVar("Entry")

# The tag by which a later run finds what it is to go on with.
KEY = "repsim.key"

# Limits of MLflow's service: entries of a batch, and characters of a parameter.
MOST_METRICS = 1000
MOST_PARAMETERS = 100
MOST_CHARACTERS = 500


class MLflow:
    """The server or store of ``MLFLOW_TRACKING_URI``, as MLflow itself finds it.

    The experiment is ``MLFLOW_EXPERIMENT_NAME``, by default the name of the study.
    """

    def __init__(self, study: TrackedStudy) -> None:
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        # It would warn of each of its attempts to reach a server.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
        self._client = MlflowClient()
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", study.name)
        found = self._client.get_experiment_by_name(name)
        self._experiment = (
            self._client.create_experiment(name) if found is None else found.experiment_id
        )
        self._runs: dict[str, Run] = {}

    def last_epoch(self, network: TrackedNetwork) -> int:
        """The last step of the loss in the run of the network."""
        run = self._run(network.key, network.label, network.settings)
        steps = self._client.get_metric_history(run.info.run_id, "train_loss")
        return max((metric.step for metric in steps), default=0)

    def epochs(self, network: TrackedNetwork, epochs: Mapping[int, Mapping[str, float]]) -> None:
        """Log each value as a metric, with the epoch as its step."""
        now = int(time.time() * 1000)
        metrics = [
            Metric(name, value, now, epoch)
            for epoch, values in epochs.items()
            for name, value in values.items()
        ]
        run = self._run(network.key, network.label, network.settings)
        for some in _parts(metrics, MOST_METRICS):
            self._client.log_batch(run.info.run_id, metrics=some)

    def finish(self, network: TrackedNetwork, *, failed: bool) -> None:
        """End the run, which says whether the network failed."""
        self._end(self._run(network.key, network.label, network.settings), failed=failed)

    def results(self, results: Results) -> None:
        """Log the similarities as metrics, and the report as artifacts."""
        run = self._run(results.key, "results", {})
        if run.info.status != "RUNNING":
            return
        now = int(time.time() * 1000)
        metrics = [
            Metric(_metric_name(f"{one.curve}/{one.layer}"), one.value, now, 0)
            for one in results.similarities
        ]
        for some in _parts(metrics, MOST_METRICS):
            self._client.log_batch(run.info.run_id, metrics=some)
        with tempfile.TemporaryDirectory() as folder:
            for name, content in results.files.items():
                file = Path(folder, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            self._client.log_artifacts(run.info.run_id, folder)
        self._end(run, failed=False)

    def close(self) -> None:
        """Nothing is left: each call was answered."""

    def _run(self, key: str, name: str, settings: Mapping[str, object]) -> Run:
        """The run of this key, made where there is none."""
        if key not in self._runs:
            where = f"tags.`{KEY}` = '{key}'"
            found = self._client.search_runs([self._experiment], where, max_results=1)
            self._runs[key] = found[0] if found else self._made(key, name, settings)
        return self._runs[key]

    def _made(self, key: str, name: str, settings: Mapping[str, object]) -> Run:
        run = self._client.create_run(self._experiment, tags={KEY: key}, run_name=name)
        parameters = [Param(n, str(value)[:MOST_CHARACTERS]) for n, value in settings.items()]
        for some in _parts(parameters, MOST_PARAMETERS):
            self._client.log_batch(run.info.run_id, params=some)
        return run

    def _end(self, run: Run, *, failed: bool) -> None:
        """End a run that has not ended, and leave the time at which others did."""
        if run.info.status == "RUNNING":
            self._client.set_terminated(run.info.run_id, "FAILED" if failed else "FINISHED")


def _parts(entries: Sequence[Entry], most: int) -> Iterator[list[Entry]]:
    """The entries in lists that MLflow takes at once."""
    return (list(entries[first : first + most]) for first in range(0, len(entries), most))


def _metric_name(name: str) -> str:
    """The name with the characters that MLflow takes."""
    return re.sub(r"[^\w/.\- :]", "_", name)
