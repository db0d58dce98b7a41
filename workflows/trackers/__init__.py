"""Trackers of experiments: where `repsim run --logger` logs epochs and results.

Each tracker of `tensorboard`, `wandb` and `mlflow` is called through its own library; one of the
user's own is a class with the methods of `Tracker`.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import polars as pl

from repsim.errors import StudyError, unknown_name
from repsim.extras import required
from repsim.graph import NetworkProgress
from repsim.options import is_dotted
from repsim.registry import load_dotted
from repsim.stages.plan import StudyPlan
from repsim.stages.report import study_toml
from repsim.stages.report_manifest import report_folder
from repsim.store import Store
from repsim.study import digest
from workflows.progress import Reporter
from workflows.trackers.background import Background
from workflows.trackers.tracker import (
    Results,
    Similarity,
    TrackedNetwork,
    TrackedStudy,
    Tracker,
)

__all__ = [
    "Results",
    "Similarity",
    "TrackedNetwork",
    "TrackedRun",
    "TrackedStudy",
    "Tracker",
    "TrackerClass",
    "tracked",
    "tracker_class",
]

TrackerClass = Callable[[TrackedStudy], Tracker]

# The library of each, which is also its extra, and our class.
BUILT_IN = {"tensorboard": "TensorBoard", "wandb": "WeightsAndBiases", "mlflow": "MLflow"}

METHODS = ("last_epoch", "epochs", "finish", "results", "close")


def tracker_class(name: str) -> TrackerClass:
    """The class of a tracker: a built-in one, or ``package.module:name``.

    Raises
    ------
    StudyError
        There is none of this name, its library is not installed, or it lacks a method.
    """
    if name in BUILT_IN:
        required(name, name, f"which --logger {name} logs with")
        built_in: TrackerClass = getattr(
            import_module(f"workflows.trackers.{name}"), BUILT_IN[name]
        )
        return built_in
    if not is_dotted(name):
        raise StudyError(
            f"{unknown_name('logger', name, list(BUILT_IN))} A logger of your own is named "
            "'package.module:name'."
        )
    found: Any = load_dotted(name, "logger")
    if not callable(found):
        raise StudyError(f"Expected a class as the logger {name!r}. Got {found!r}.")
    lacking = [method for method in METHODS if not callable(getattr(found, method, None))]
    if isinstance(found, type) and lacking:
        raise StudyError(
            f"Expected the methods {', '.join(METHODS)} in the logger {name!r}. Got none named "
            f"{', '.join(lacking)}."
        )
    own: TrackerClass = found
    return own


class TrackedRun:
    """Passes on what a run tells, also to trackers."""

    def __init__(
        self, shown: Reporter, plan: StudyPlan, store: Store, trackers: Sequence[Background]
    ) -> None:
        self._shown = shown
        self._plan = plan
        self._store = store
        self._trackers = trackers
        self._told: dict[str, int] = {}

    def network(self, progress: NetworkProgress) -> None:
        """A network is at this stage."""
        self._shown.network(progress)
        epochs = len(progress.history)
        # Engines ask again and again, and mostly hear the same.
        if epochs and self._told.get(progress.network) != epochs:
            self._told[progress.network] = epochs
            for tracker in self._trackers:
                tracker.network(progress)

    def network_done(self, label: str) -> None:
        """A network is trained and captured, or has failed."""
        self._shown.network_done(label)
        for tracker in self._trackers:
            tracker.network_done(label)

    def comparisons(self, done: int, total: int) -> None:
        """So many layers of so many pairs are matched."""
        self._shown.comparisons(done, total)

    def reported(self) -> None:
        """The report is written."""
        if self._trackers:
            found = _results(self._store, self._plan)
            for tracker in self._trackers:
                tracker.results(found)


@contextmanager
def tracked(
    shown: Reporter, plan: StudyPlan, store: Store, classes: dict[str, TrackerClass]
) -> Iterator[TrackedRun]:
    """A reporter that also logs to trackers, each in a thread of its own, by name."""
    study = TrackedStudy(name=plan.study.name, store=store.location, toml=study_toml(plan.study))
    networks = {spec.label: spec for spec in plan.networks if spec.given is None}
    trackers = [Background(name, start, study, networks, store) for name, start in classes.items()]
    for tracker in trackers:
        tracker.trained()
    try:
        yield TrackedRun(shown, plan, store, trackers)
    finally:
        for tracker in trackers:
            tracker.close()


def _results(store: Store, plan: StudyPlan) -> Results:
    """The report in the store, and the similarity of kept networks at each layer."""
    folder = report_folder(plan.study.name)
    files = {path: store.read(path) or b"" for path in store.sizes(folder)}
    files = {path.removeprefix(f"{folder}/"): content for path, content in files.items()}
    names = ("group", "layer", "depth", "measure", "epsilon")
    means = (
        pl.read_parquet(io.BytesIO(files["results.parquet"]))
        .filter(
            pl.col("value").is_not_null(),
            pl.col("snapshot_a").is_null(),
            pl.col("snapshot_b").is_null(),
        )
        .group_by(names, maintain_order=True)
        .agg(pl.col("value").mean(), pl.len().alias("pairs"))
    )
    rows = means.rows(named=True)
    # Of what was found: the page also says by which versions.
    return Results(
        key=digest({"toml": study_toml(plan.study), "rows": rows}),
        similarities=tuple(Similarity(**row) for row in rows),
        files=files,
    )
