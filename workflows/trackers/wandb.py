"""Weights & Biases: a group for the study, with a run for each network and one for the results."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import wandb

from repsim.study import digest
from workflows.trackers.tracker import Results, TrackedNetwork, TrackedStudy

__all__ = ["WeightsAndBiases"]

# What the library would do besides: take over the terminal, and watch the machine and the code.
QUIET = wandb.Settings(
    silent=True,
    console="off",
    disable_git=True,
    disable_code=True,
    x_disable_stats=True,
    x_disable_meta=True,
)


class WeightsAndBiases:
    """The project of ``WANDB_PROJECT``, by default ``repsim``; all else as wandb itself finds it.

    Offline (``WANDB_MODE=offline``) nothing is known of earlier runs: each has runs of its own.
    """

    def __init__(self, study: TrackedStudy) -> None:
        self._study = study
        settings = wandb.setup(QUIET).settings
        self._offline = settings.mode == "offline"
        if settings.mode == "online" and not wandb.api.api_key:
            # It would ask on the terminal, and wait.
            raise ValueError("no API key: run `wandb login`, or set WANDB_MODE=offline")
        self._runs: dict[str, wandb.Run] = {}

    def last_epoch(self, network: TrackedNetwork) -> int:
        """The last epoch of the run, which is opened."""
        return int(self._run(network).summary.get("epoch", 0))

    def epochs(self, network: TrackedNetwork, epochs: Mapping[int, Mapping[str, float]]) -> None:
        """Log the values, which are drawn over the epochs."""
        for epoch, values in epochs.items():
            self._run(network).log({"epoch": epoch, **values})

    def finish(self, network: TrackedNetwork, *, failed: bool) -> None:
        """Finish the run, which says whether the network failed."""
        self._run(network).finish(exit_code=int(failed))
        del self._runs[network.key]

    def results(self, results: Results) -> None:
        """Put the similarities into the summary and a table, and the report into an artifact."""
        run = self._opened("results", results.key, {})
        if not run.summary.get("complete"):
            columns = ["group", "layer", "depth", "measure", "epsilon", "value", "pairs"]
            rows = [[getattr(one, name) for name in columns] for one in results.similarities]
            run.log({"similarities": wandb.Table(columns=columns, data=rows)})
            run.summary.update({f"{s.curve}/{s.layer}": s.value for s in results.similarities})
            with tempfile.TemporaryDirectory() as folder:
                for name, content in results.files.items():
                    file = Path(folder, name)
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(content)
                report = wandb.Artifact(f"report-{results.key[:16]}", "report")
                report.add_dir(folder)
                run.log_artifact(report)
            run.summary["complete"] = True
        run.finish()

    def close(self) -> None:
        """Finish the runs of networks that are to be trained on."""
        for run in self._runs.values():
            run.finish()

    def _run(self, network: TrackedNetwork) -> "wandb.Run":
        if network.key not in self._runs:
            run = self._opened(network.label, network.key, network.settings)
            run.define_metric("*", step_metric="epoch")
            self._runs[network.key] = run
        return self._runs[network.key]

    def _opened(self, name: str, key: str, settings: Mapping[str, object]) -> "wandb.Run":
        """The run of this key, which a later run of the study goes on with."""
        return wandb.init(
            project=os.environ.get("WANDB_PROJECT", "repsim"),
            group=self._study.name,
            job_type="results" if name == "results" else "network",
            name=name,
            id=None if self._offline else digest([self._study.name, key])[:16],
            resume=None if self._offline else "allow",
            config=dict(settings),
            reinit="create_new",
            settings=QUIET,
        )
