"""One pass over a study: networks on Ray, comparisons on Dask, the report."""

import logging
import queue
import threading
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from cluster.dask_cluster import check_dask, dask_session, local_worker_size, worker_sizes
from cluster.profile import Profile
from cluster.ray_cluster import ray_session
from repsim.errors import CaptureError, IntegrityError, RepsimError, StoreError, TrainingError
from repsim.store import Artifact, Store, conditions
from repsim.tasks.consolidation import consolidate, report_folder, report_is_current
from repsim.tasks.record import Recorder
from repsim.tasks.specs import AcrossSpec, ComparisonSpec, LayerSpec, NetworkSpec, StudyPlan
from repsim.tasks.trial import try_network
from workflows.comparisons import (
    Compared,
    Comparison,
    Work,
    check_memory,
    compare_inline,
    compare_on_dask,
    work_of,
)
from workflows.networks import NetworkWork, Prepared, prepare_inline, prepare_on_ray
from workflows.progress import Reporter
from workflows.summary import RunSummary

__all__ = ["Engine", "Pass"]

log = logging.getLogger("repsim")

Engine = Literal["cluster", "inline"]
Spec = TypeVar("Spec", NetworkSpec, LayerSpec, ComparisonSpec, AcrossSpec)


@dataclass
class Pass:
    """One pass over a study: everything that is missing is made once, and then the report."""

    plan: StudyPlan
    store: Store
    profile: Profile
    engine: Engine
    reporter: Reporter
    stop: threading.Event
    summary: RunSummary
    recorder: Recorder | None = None
    """Is given what each task took."""
    errors: list[Exception] = field(default_factory=list)
    ready: "queue.Queue[Work | None]" = field(default_factory=queue.Queue)
    """What can be compared, since its activations are there; None after the last."""

    def make(self) -> None:
        """Networks, comparisons, report."""
        missing: list[Comparison] = [
            *self._missing(self.plan.comparisons),
            *self._missing(self.plan.across),
        ]
        if missing and self.engine == "cluster":
            check_dask(self.profile.dask)
        if self.engine == "cluster" and self.profile.dask.scheduler == "local":
            # Before hours of training, not after.
            check_memory([local_worker_size(self.profile.dask)], work_of(missing))
        work = self._network_work(missing)
        absent = self._absent(work, missing)
        # In a pass after repairs, what the first one made is not to be counted as found.
        total = len(self.plan.comparisons) + len(self.plan.across)
        found = total - len(missing) - self.summary.comparisons_made
        self.summary.already_there = max(0, found)
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
        self.summary.bytes_written += self._published_bytes(absent)
        self._report()

    def _missing(self, specs: Iterable[Spec]) -> list[Spec]:
        """Those of which something is not there; what has a damaged marker is removed."""
        needed = {spec.key: (spec, _results(spec, self.store)) for spec in specs}
        artifacts = {a.folder: a for _, group in needed.values() for a in group}
        listed = list(artifacts.values())
        found = dict(zip(artifacts, conditions(listed), strict=True))
        for folder, condition in found.items():
            if condition == "damaged":
                self.summary.repaired.append(folder)
                log.warning("%s was damaged: removed, and made again", folder)
                artifacts[folder].discard()
        return [
            spec
            for spec, group in needed.values()
            if any(found[artifact.folder] != "sound" for artifact in group)
        ]

    def _network_work(self, missing: list[Comparison]) -> list[NetworkWork]:
        """Networks to train, and those whose activations a missing comparison needs."""
        needed = {layer.key: layer for spec in missing for layer in spec.layers}
        layers: dict[str, list[LayerSpec]] = {}
        for side in self._missing(needed.values()):
            layers.setdefault(side.network.key, []).append(side)
        untrained = {network.key for network in self._missing(self.plan.networks)}
        return [
            NetworkWork(
                network=network,
                layers=layers.get(network.key, []),
                trained=network.key not in untrained,
            )
            for network in self.plan.networks
            if network.key in untrained or network.key in layers
        ]

    def _absent(self, work: list[NetworkWork], missing: list[Comparison]) -> list[Artifact]:
        """The artifacts that this pass is to publish."""
        specs: list[NetworkSpec | LayerSpec] = [item.network for item in work]
        specs += [layer for item in work for layer in item.layers]
        artifacts = [spec.artifact(self.store) for spec in specs]
        for spec in missing:
            artifacts += spec.artifacts(self.store)
        there = self.store.existing(artifact.marker_path for artifact in artifacts)
        return [artifact for artifact in artifacts if artifact.marker_path not in there]

    def _published_bytes(self, artifacts: list[Artifact]) -> int:
        there = self.store.existing(artifact.marker_path for artifact in artifacts)
        return sum(
            part.bytes
            for artifact in artifacts
            if artifact.marker_path in there
            for part in artifact.marker().parts
        )

    def _prepare(self, work: list[NetworkWork], missing: list[Comparison]) -> None:
        pending = {item.network.key: item for item in work}
        failed: set[str] = set()
        try:
            waiting = self._release(work_of(missing), pending.keys(), failed)
            for prepared in self._prepared(work):
                label, key = prepared.network.label, prepared.network.key
                self.reporter.network_done(label)
                item = pending.pop(key)
                if isinstance(prepared.error, CaptureError):
                    failed |= self._layers_failed(item, prepared.error)
                elif prepared.error is not None:
                    failed.add(key)
                    self._failed(label, prepared.error)
                else:
                    self.summary.networks_made += 1
                    log.info("%s: trained and captured", label)
                waiting = self._release(waiting, pending.keys(), failed)
        finally:
            self.ready.put(None)

    def _layers_failed(self, item: NetworkWork, error: CaptureError) -> set[str]:
        """Note that layers of a network have failed; return their keys."""
        if not item.trained or len(error.layers) < len(item.layers):
            self.summary.networks_made += 1
        failed = [layer for layer in item.layers if layer.layer in error.layers]
        for layer in failed:
            self._failed(layer.label, TrainingError(error.layers[layer.layer]))
        return {layer.key for layer in failed}

    def _release(
        self, waiting: list[Work], pending: Collection[str], failed: set[str]
    ) -> list[Work]:
        """Hand over what needs no network that is pending; return the rest."""
        rest = []
        for work in waiting:
            if any(layer.network.key in pending for layer in work.layers):
                rest.append(work)
            elif (possible := work.without(failed)) is not None and not self._made_before(possible):
                self.ready.put(possible)
        return rest

    def _made_before(self, work: Work) -> bool:
        """Whether an earlier run compared a network across its layers without those that fail."""
        return isinstance(work, AcrossSpec) and work.artifact(self.store).exists()

    def _prepared(self, work: list[NetworkWork]) -> Iterator[Prepared]:
        if not work:
            return
        untrained = (w.network for w in work if not w.network.artifact(self.store).exists())
        if (first := next(untrained, None)) is not None:
            log.info("Trying the model on two examples")
            try_network(first, self.plan.layers[first.label])
        location, profile = self.store.location, self.profile.ray
        arguments = (location, work, profile, self.reporter, self.stop, self.recorder)
        if self.engine == "inline":
            yield from prepare_inline(*arguments)
        else:
            log.info("Connecting to Ray (%s); networks to make: %d", profile.address, len(work))
            with ray_session(profile, self.profile.environment, self.stop):
                yield from prepare_on_ray(*arguments)

    def _compare(self, missing: list[Comparison]) -> None:
        done, total = 0, len(missing)
        for compared in self._compared(missing):
            if compared.error is not None:
                self._failed(compared.comparison.label, compared.error)
                continue
            done += 1
            self.summary.comparisons_made += 1
            self.reporter.comparisons(done, total)

    def _compared(self, missing: list[Comparison]) -> Iterator[Compared]:
        location, alone = self.store.location, self.engine == "inline"
        # Where networks were made before, all that can be ready is: perhaps nothing.
        if not missing or (self.profile.shares_machine and self.ready.queue[0] is None):
            return
        if alone:
            yield from compare_inline(location, self.ready, self.stop, self.recorder)
            return
        scheduler = self.profile.dask.scheduler
        log.info("Connecting to Dask (%s); comparisons to make: %d", scheduler, len(missing))
        with dask_session(self.profile.dask, self.stop) as client:
            check_memory(worker_sizes(client), work_of(missing))
            yield from compare_on_dask(client, location, self.ready, self.stop, self.recorder)

    def _failed(self, label: str, error: Exception) -> None:
        if isinstance(error, StoreError):
            raise error  # the store is gone for all the others, too
        self.errors.append(error)
        self.summary.failures[label] = str(error) or type(error).__name__
        # At the end of a run each failure is said once more, with its label as a field.
        foreign = None if isinstance(error, RepsimError) else error
        log.error("%s: %s", label, error, exc_info=foreign)  # the exception: none is handled here

    def _report(self) -> None:
        arguments = (self.store.location, self.plan, self.summary.failures)
        try:
            if not report_is_current(*arguments):
                log.info("Writing the report")
                consolidate(*arguments)
                self.summary.report_made = True
        except IntegrityError as problem:
            self._failed("report", problem)
        name = self.plan.study.name
        self.summary.report = f"{self.store.location}/{report_folder(name)}/report.html"


def _results(
    spec: NetworkSpec | LayerSpec | ComparisonSpec | AcrossSpec, store: Store
) -> list[Artifact]:
    if isinstance(spec, NetworkSpec | LayerSpec):
        return [spec.artifact(store)]
    return spec.results(store)
