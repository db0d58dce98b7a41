"""Passes over a study: what its graph lacks is made, and once more what was found damaged."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from repsim.errors import IntegrityError, RepsimError, StoreError
from repsim.graph import Node, Where, Work
from repsim.stages.plan import StudyPlan
from repsim.stages.report import consolidate, report_is_current
from repsim.stages.report_manifest import report_folder
from repsim.store import Artifact, conditions, markers
from workflows.engines import Engine, Session, check, engine_of
from workflows.summary import RunSummary

__all__ = ["Passes"]

log = logging.getLogger("repsim")

# Damage is found when something is read; what hides behind it shows only in the next pass.
MOST_PASSES = 6

Select = Callable[[StudyPlan, set[str]], Sequence[Node]]


@dataclass(kw_only=True)
class Passes:
    """Passes over a study until nothing is found damaged."""

    plan: StudyPlan
    session: Session
    engine: Engine
    summary: RunSummary
    left_out: dict[Where, Callable[[Node], dict[str, Exception]]] = field(default_factory=dict)
    """What is not made, and why it is missing."""
    errors: dict[str, Exception] = field(default_factory=dict)
    """By label."""
    networks: set[str] = field(default_factory=set)
    """Those that were made."""

    @property
    def exit_code(self) -> int:
        """Of the run."""
        errors = list(self.errors.values())
        if not errors:
            return 0
        first = next((e for e in errors if isinstance(e, IntegrityError | StoreError)), None)
        return first.exit_code if first is not None else 3

    def make(
        self,
        select: Select,
        *,
        of: Sequence[str] | None = None,
        then: Callable[[], None] | None = None,
    ) -> None:
        """Make what `select` says, once more where something was found damaged.

        Parameters
        ----------
        select
            The nodes, given the study and what exists, as ``kind/key``.
        of
            The results of comparisons that it is about; by default all.
        then
            What follows the nodes, and may find damage, too.
        """
        before = dict(self.errors)
        compared = self._comparisons(of)
        for attempt in range(MOST_PASSES):
            self.errors = dict(before)
            existing = self.look(self.plan)
            if attempt == 0:
                lacking = {label for label, group in compared.items() if not group <= existing}
                self.summary.already_there += len(compared) - len(lacking)
            failed = self._pass(select(self.plan, existing), {})
            lost = {f: e for f, e in failed.items() if self.plan.graph.maker(f).where == "train"}
            if lost and not self._damaged:  # what is damaged is made again before
                # The others of a tile are compared, and networks across the layers that are there.
                causes = {id(error) for error in lost.values()}
                tried = {f: e for f, e in failed.items() if f in lost or id(e) not in causes}
                rest = self.plan.without(lost.keys())
                self._pass(select(rest, self.look(rest)), tried)
            if then is not None:
                then()
            if not self._repair():
                break

    def look(self, plan: StudyPlan) -> set[str]:
        """What exists of the study, as ``kind/key``; what has a damaged marker is removed."""
        graph, existing = plan.graph, set[str]()
        results = {product.folder for product in graph.results}
        for folders in (results, graph.products.keys() - graph.temporary - results):
            found = conditions(self.session.store, folders)
            existing |= found["sound"]
            for folder in sorted(found["damaged"]):
                self._discard(folder)
            if existing.issuperset(results):
                break  # nothing is to be made
        return existing

    def report(self) -> None:
        """Write the report, unless it is there."""
        store, plan = self.session.store, self.plan
        try:
            if not report_is_current(store, plan, self.summary.failures):
                log.info("Writing the report")
                consolidate(store, plan, self.summary.failures)
                self.summary.report_made = True
        except IntegrityError as problem:
            self.fail("report", problem)
        self.summary.report = f"{store.location}/{report_folder(plan.study.name)}/report.html"

    def fail(self, label: str, error: Exception) -> None:
        """Note that something could not be made, and say so."""
        if isinstance(error, StoreError):
            raise error  # the store is gone for all the others, too
        if label in self.errors:
            return
        self.errors[label] = error
        self.summary.failures = {name: _said(error) for name, error in self.errors.items()}
        # At the end of a run each failure is said once more, with its label as a field.
        foreign = None if isinstance(error, RepsimError) else error
        log.error("%s: %s", label, error, exc_info=foreign)  # the exception: none is handled here

    def _pass(self, nodes: Sequence[Node], failed: Mapping[str, Exception]) -> dict[str, Exception]:
        """Make the nodes once; return what failed, with what failed before."""
        self.summary.failures = {name: _said(error) for name, error in self.errors.items()}
        if not nodes:
            return dict(failed)
        ending = _Ending(self, nodes, failed)
        work = Work(nodes, ending, failed)
        for where, absent in self.left_out.items():
            for node in work.take(where):
                work.end(node, absent(node))
        if work.left("train") or work.left("match"):
            check(self.engine, nodes, self.session)
            self._try_model(nodes)
        try:
            self._run(work)
        finally:
            self.summary.bytes_written += self._published_bytes(nodes)
        return work.failed

    def _run(self, work: Work) -> None:
        def run(where: Where) -> None:
            try:
                if work.left(where):
                    engine_of(self.engine, where)(work, self.session)
            finally:
                work.give_up(where)  # nobody waits for what an engine did not come to

        if self.engine == "inline" or self.session.profile.shares_machine:
            # One engine after the other: never two thread pools on the same cores.
            run("train")
            run("match")
            return
        with ThreadPoolExecutor(max_workers=1) as beside:
            training = beside.submit(run, "train")
            try:
                run("match")
            except BaseException:
                self.session.stop.set()
                raise
            training.result()

    def _try_model(self, nodes: Sequence[Node]) -> None:
        """Try each model that is to be trained, before hours of training."""
        made = {folder for node in nodes for folder in node.folders}
        untrained = [spec for spec in self.plan.networks if spec.folder in made]
        if "train" in self.left_out or not untrained:
            return
        from repsim.stages.trial import try_networks

        log.info("Trying the model on two examples")
        try_networks(untrained, self.plan.layers)

    def _comparisons(self, of: Sequence[str] | None) -> dict[str, set[str]]:
        """Results of comparisons, by label."""
        graph, compared = self.plan.graph, dict[str, set[str]]()
        wanted = None if of is None else set(of)
        for product in graph.results:
            if graph.maker(product.folder).where == "match" and (
                wanted is None or product.folder in wanted
            ):
                compared.setdefault(product.label, set()).add(product.folder)
        return compared

    def _published_bytes(self, nodes: Sequence[Node]) -> int:
        products = (product for node in nodes for product in node.makes)
        lasting = [product.folder for product in products if not product.temporary]
        found = markers(self.session.store, lasting)
        return sum(part.bytes for marker in found for part in marker.parts)

    @property
    def _damaged(self) -> set[str]:
        """Artifacts that were found damaged, as ``kind/key``."""
        errors = self.errors.values()
        return {e.artifact for e in errors if isinstance(e, IntegrityError) and e.artifact}

    def _repair(self) -> bool:
        """Remove artifacts that were found damaged; whether there were any."""
        damaged = self._damaged
        for folder in sorted(damaged):
            self._discard(folder)
        return bool(damaged)

    def _discard(self, folder: str) -> None:
        log.warning("%s was damaged: removed, and made again", folder)
        Artifact.at(self.session.store, folder).discard()
        self.summary.repaired.append(folder)


class _Ending:
    """What a run makes of the end of each node: counts, failures, progress."""

    def __init__(self, run: Passes, nodes: Sequence[Node], failed: Mapping[str, Exception]) -> None:
        self._run = run
        self._left: dict[str, set[str]] = {}
        self._training: dict[str, set[Node]] = {}
        self._labels: dict[str, str] = {}
        for node in nodes:
            if node.where == "train":
                self._training.setdefault(node.share, set()).add(node)
                self._labels.setdefault(node.share, node.label)  # the first: no snapshot
            else:
                for product in node.results:
                    self._left.setdefault(product.label, set()).add(product.folder)
        self._total, self._done = len(self._left), 0
        self._silent = set(failed)
        """What is missing for want of a network or layer whose failure is said already."""

    def __call__(self, node: Node, failed: Mapping[str, Exception]) -> None:
        training = node.where == "train"
        blocked = not self._silent.isdisjoint(node.needs)
        if training or blocked:
            self._silent |= failed.keys()
        if training:
            self._trained(node, failed)
        for product in node.makes:
            if product.folder not in failed:
                if product.result and not training:
                    self._compared(product.label, product.folder)
            elif not blocked and (training or product.result):
                self._run.fail(product.label, failed[product.folder])

    def _trained(self, node: Node, failed: Mapping[str, Exception]) -> None:
        run, left = self._run, self._training[node.share]
        if len(failed) < len(node.makes) and node.share not in run.networks:
            run.networks.add(node.share)
            run.summary.networks_made += 1
        if not failed:
            left.discard(node)
        if not left:
            given = any(spec.key == node.share and spec.given for spec in run.plan.networks)
            done = "loaded" if given else "trained"
            log.info("%s: %s and captured", self._labels[node.share], done)

    def _compared(self, label: str, folder: str) -> None:
        left = self._left[label]
        left.discard(folder)
        if not left:
            self._done += 1
            self._run.summary.comparisons_made += 1
            self._run.session.reporter.comparisons(self._done, self._total)


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
