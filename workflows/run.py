"""A run of a study: train → capture → reduce → match → report, resuming wherever it was."""

import json
import logging
import queue
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from cluster.dask_cluster import dask_session
from cluster.profile import Profile
from cluster.ray_cluster import ray_session
from repsim.errors import IntegrityError, RepsimError, StoreError
from repsim.store import Store, run_lock
from repsim.tasks.consolidation import consolidate, report_folder, report_is_current, study_toml
from repsim.tasks.specs import ComparisonSpec, LayerSpec, NetworkSpec, StudyPlan
from workflows.comparisons import Compared, check_memory, compare_inline, compare_on_dask
from workflows.networks import NetworkWork, Prepared, prepare_inline, prepare_on_ray
from workflows.progress import Reporter

__all__ = ["Engine", "RunSummary", "run_study"]

log = logging.getLogger("repsim")

Engine = Literal["cluster", "inline"]


@dataclass
class RunSummary:
    """What a run did."""

    study: str
    report: str = ""
    networks_made: int = 0
    comparisons_made: int = 0
    already_there: int = 0
    report_made: bool = False
    seconds: float = 0.0
    failures: dict[str, str] = field(default_factory=dict)
    exit_code: int = 0

    @property
    def did_nothing(self) -> bool:
        """Whether everything was there before."""
        return not (self.networks_made or self.comparisons_made or self.report_made)


def run_study(
    plan: StudyPlan, store: Store, profile: Profile, engine: Engine, reporter: Reporter
) -> RunSummary:
    """Make everything that is missing, and the report.

    A network or comparison that fails is recorded, and the others go on.

    Raises
    ------
    ActiveRunError
        When another run of the study is active.
    ClusterError, StoreError
        When Ray, Dask or the store cannot be reached.
    PreemptedError
        After SIGINT or SIGTERM: networks in training have written a checkpoint.
    """
    started = time.monotonic()
    with run_lock(store, plan.study.name), _stop_on_signal() as stop:
        store.write(f"studies/{plan.study.name}/study.toml", study_toml(plan.study).encode())
        summary = RunSummary(study=plan.study.name)
        run = _Run(plan, store, profile, engine, reporter, stop, summary)
        run.make()
        summary.exit_code = _exit_code(run.errors)
        summary.seconds = round(time.monotonic() - started, 3)
        store.write(
            f"studies/{plan.study.name}/run-summary.json",
            json.dumps(asdict(summary), indent=2).encode(),
        )
    return summary


@dataclass
class _Run:
    plan: StudyPlan
    store: Store
    profile: Profile
    engine: Engine
    reporter: Reporter
    stop: threading.Event
    summary: RunSummary
    errors: list[Exception] = field(default_factory=list)
    ready: "queue.Queue[ComparisonSpec | None]" = field(default_factory=queue.Queue)
    """Comparisons whose activations are there; None after the last."""

    def make(self) -> None:
        """Networks, comparisons, report."""
        missing = [spec for spec in self.plan.comparisons if not self._exists(spec)]
        work = self._network_work(missing)
        self.summary.already_there = len(self.plan.comparisons) - len(missing)
        if self.engine == "inline" or self.profile.shares_machine:
            # One engine after the other: never two thread pools on the same cores.
            self._prepare(work, missing)
            self._compare(missing)
        else:
            with ThreadPoolExecutor(max_workers=1) as beside:
                preparing = beside.submit(self._prepare, work, missing)
                try:
                    self._compare(missing)
                except BaseException:
                    self.stop.set()
                    raise
                preparing.result()
        self._report()

    def _exists(self, spec: NetworkSpec | LayerSpec | ComparisonSpec) -> bool:
        return spec.artifact(self.store).exists()

    def _network_work(self, missing: list[ComparisonSpec]) -> list[NetworkWork]:
        """Networks to train, and those whose activations a missing comparison needs."""
        needed = {side.key: side for spec in missing for side in (spec.x, spec.y)}
        absent = [side for side in needed.values() if not self._exists(side)]
        work = []
        for network in self.plan.networks:
            layers = [side for side in absent if side.network.key == network.key]
            if layers or not self._exists(network):
                work.append(NetworkWork(network=network, layers=layers))
        return work

    def _prepare(self, work: list[NetworkWork], missing: list[ComparisonSpec]) -> None:
        try:
            waiting = self._release(missing, {item.network.key for item in work})
            for prepared in self._prepared(work):
                label = prepared.network.label
                self.reporter.network_done(label)
                if prepared.error is not None:
                    self._failed(label, prepared.error)
                    continue
                self.summary.networks_made += 1
                log.info("%s: trained and captured", label)
                work = [item for item in work if item.network.key != prepared.network.key]
                waiting = self._release(waiting, {item.network.key for item in work})
        finally:
            self.ready.put(None)

    def _release(self, waiting: list[ComparisonSpec], pending: set[str]) -> list[ComparisonSpec]:
        """Hand over the comparisons of which no network is pending; return the others."""
        rest = []
        for spec in waiting:
            if {spec.x.network.key, spec.y.network.key} & pending:
                rest.append(spec)
            else:
                self.ready.put(spec)
        return rest

    def _prepared(self, work: list[NetworkWork]) -> Iterator[Prepared]:
        if not work:
            return
        arguments = (self.store.location, work, self.profile.ray, self.reporter, self.stop)
        if self.engine == "inline":
            yield from prepare_inline(*arguments)
        else:
            log.info(
                "Connecting to Ray (%s); networks to make: %d", self.profile.ray.address, len(work)
            )
            with ray_session(self.profile.ray):
                yield from prepare_on_ray(*arguments)

    def _compare(self, missing: list[ComparisonSpec]) -> None:
        done, total = 0, len(missing)
        for compared in self._compared(missing):
            if compared.error is not None:
                self._failed(compared.comparison.label, compared.error)
                continue
            done += 1
            self.summary.comparisons_made += 1
            self.reporter.comparisons(done, total)

    def _compared(self, missing: list[ComparisonSpec]) -> Iterator[Compared]:
        location, alone = self.store.location, self.engine == "inline"
        # Where networks were made before, all that can be ready is: perhaps nothing.
        if not missing or (self.profile.shares_machine and self.ready.queue[0] is None):
            return
        if alone:
            yield from compare_inline(location, self.ready, self.stop)
            return
        scheduler = self.profile.dask.scheduler
        log.info("Connecting to Dask (%s); comparisons to make: %d", scheduler, len(missing))
        with dask_session(self.profile.dask) as client:
            check_memory(client, missing)
            yield from compare_on_dask(client, location, self.ready, self.stop)

    def _failed(self, label: str, error: Exception) -> None:
        self.errors.append(error)
        self.summary.failures[label] = str(error) or type(error).__name__
        log.error("%s: %s", label, error, exc_info=not isinstance(error, RepsimError))

    def _report(self) -> None:
        arguments = (self.store.location, self.plan, self.summary.failures)
        if not report_is_current(*arguments):
            log.info("Writing the report")
            consolidate(*arguments)
            self.summary.report_made = True
        name = self.plan.study.name
        self.summary.report = f"{self.store.location}/{report_folder(name)}/report.html"


def _exit_code(errors: list[Exception]) -> int:
    if not errors:
        return 0
    first = next((e for e in errors if isinstance(e, IntegrityError | StoreError)), None)
    return first.exit_code if first is not None else 3


@contextmanager
def _stop_on_signal() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; a second one ends the process at once."""
    stop = threading.Event()

    def handle(number: int, frame: Any) -> None:
        del frame
        if stop.is_set():
            raise KeyboardInterrupt
        log.warning("%s: stopping. Once more to end at once.", signal.Signals(number).name)
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
