"""What of a study exists, kind by kind, and what a run would make."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from repsim.errors import IntegrityError
from repsim.graph import Node, Product
from repsim.stages.across import AcrossSpec
from repsim.stages.activations import LayerSpec
from repsim.stages.comparison import ComparisonSpec
from repsim.stages.networks import NetworkSpec
from repsim.stages.plan import StudyPlan
from repsim.stages.report import report_is_current
from repsim.store import Artifact, Store, conditions, published
from repsim.store.checkpoints import Checkpoint
from workflows.summary import read_summary
from workflows.trained import Trained, trained_networks

__all__ = ["Begun", "StageState", "Survey", "last_failures", "study_state", "survey_study"]


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A network in training, as its checkpoints show it."""

    network: str
    epoch: int | None
    """The one that it is in, by the name of the newest checkpoint; None where that lacks it."""
    epochs: int
    bytes: int

    def __str__(self) -> str:
        at = f"in epoch {self.epoch} of {self.epochs}" if self.epoch else "a checkpoint is there"
        return f"{self.network}: {at}"


@dataclass(kw_only=True)
class StageState:
    """One kind of artifact: how many exist, and in what state."""

    name: str
    total: int = 0
    done: int = 0
    partial: int = 0
    corrupt: list[str] = field(default_factory=list)
    """What is wrong with each."""
    failed: int = 0
    to_make: int = 0
    """What a run would make: of what is missing, that which something still needs."""
    bytes_to_make: int = 0
    """Size of that, before compression."""

    @property
    def missing(self) -> int:
        """Neither there nor begun."""
        return self.total - self.done - self.partial - self.failed - len(self.corrupt)


@dataclass(frozen=True, kw_only=True)
class Survey:
    """A look at the store: which artifacts of a study exist, and so what a run would make."""

    plan: StudyPlan
    store: Store
    existing: frozenset[str]
    """``kind/key`` of every artifact that is published, by its marker."""
    damaged: frozenset[str]

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """What a run would do, in its order."""
        return tuple(self.plan.graph.missing(self.existing))

    @cached_property
    def to_make(self) -> frozenset[str]:
        """``kind/key`` of all lasting artifacts that a run would make."""
        products = (product for node in self.nodes for product in node.makes)
        return frozenset(product.folder for product in products if not product.temporary)

    @cached_property
    def networks(self) -> tuple[NetworkSpec, ...]:
        """Those to be trained, for themselves or for a snapshot."""
        return tuple(
            spec
            for spec in self.plan.networks
            if not self.to_make.isdisjoint({spec.folder, *(s.folder for s in spec.snapshots)})
        )

    @cached_property
    def trained(self) -> tuple[Trained, ...]:
        """What networks of any study are there, where one is to be trained."""
        return tuple(trained_networks(self.store)) if self.networks else ()

    @cached_property
    def layers(self) -> tuple[LayerSpec, ...]:
        """Those to be captured."""
        groups = self.plan.layers.values()
        return tuple(spec for group in groups for spec in group if spec.folder in self.to_make)

    @cached_property
    def _incomplete(self) -> frozenset[str]:
        results = self.plan.graph.results
        return frozenset(p.label for p in results if p.folder in self.to_make)

    @cached_property
    def damaged_results(self) -> frozenset[str]:
        """Labels of the comparisons of which a result is damaged."""
        results = self.plan.graph.results
        return frozenset(p.label for p in results if p.folder in self.damaged)

    @cached_property
    def comparisons(self) -> tuple[ComparisonSpec, ...]:
        """Those to be made: something that the report reads of them is missing."""
        return tuple(spec for spec in self.plan.comparisons if spec.label in self._incomplete)

    @cached_property
    def across(self) -> tuple[AcrossSpec, ...]:
        """Comparisons across layers that are to be made."""
        return tuple(spec for spec in self.plan.across if spec.folder in self.to_make)

    @cached_property
    def begun(self) -> tuple[Begun, ...]:
        """Networks that are in training, or were when their run ended."""
        kept: dict[str, dict[str, int]] = {}
        for path, size in self.store.sizes("checkpoints").items() if self.networks else ():
            kept.setdefault(path.split("/")[1], {})[path] = size
        return tuple(_begun(spec, kept[spec.key]) for spec in self.networks if spec.key in kept)


def survey_study(plan: StudyPlan, store: Store) -> Survey:
    """Look which artifacts of the study exist, many at once."""
    found = conditions(store, plan.graph.products.keys() - plan.graph.temporary)
    existing, damaged = frozenset(found["sound"]), frozenset(found["damaged"])
    return Survey(plan=plan, store=store, existing=existing, damaged=damaged)


def study_state(survey: Survey) -> list[StageState]:
    """Each kind of artifact of a study, and the report."""
    plan, store = survey.plan, survey.store
    failures = last_failures(store, plan.study.name)
    begun = _begun_parts(survey)
    stages = []
    for kind in plan.graph.kinds:
        stage = _stage(kind, plan.graph.lasting[kind], survey, failures, begun)
        if kind == "networks":
            stage.partial = sum(one.network not in failures for one in survey.begun)
        stages.append(stage)
    current = report_is_current(store, plan, failures)
    remade = bool(survey.to_make) or not current
    return [*stages, StageState(name="report", total=1, done=int(current), to_make=int(remade))]


def last_failures(store: Store, study: str) -> dict[str, str]:
    """Why a network, a layer of one or a comparison failed in the last run, by its label."""
    summary = read_summary(store, study)
    return {} if summary is None else summary.failures


def _stage(
    name: str,
    products: Collection[Product],
    survey: Survey,
    failures: Collection[str],
    begun: Collection[str],
) -> StageState:
    state = StageState(name=name)
    for product in products:
        state.total += 1
        if product.folder in survey.to_make:
            state.to_make += 1
            state.bytes_to_make += product.bytes
        if product.folder in survey.existing:
            state.done += 1
        elif product.folder in survey.damaged:
            state.corrupt += _problem(Artifact.at(survey.store, product.folder))
        elif product.label in failures:
            state.failed += 1
        else:
            state.partial += product.folder in begun
    return state


def _problem(artifact: Artifact) -> list[str]:
    try:
        artifact.marker()
    except IntegrityError as problem:
        return [str(problem)]
    return [f"{artifact.folder} could not be read a moment ago."]


def _begun_parts(survey: Survey) -> set[str]:
    """Missing artifacts of which some temporary part exists."""
    parts = survey.plan.graph.parts
    wholes = [whole for whole in parts if whole in survey.to_make]
    there = published(survey.store, {part for whole in wholes for part in parts[whole]})
    return {whole for whole in wholes if not there.isdisjoint(parts[whole])}


def _begun(spec: NetworkSpec, checkpoints: Mapping[str, int]) -> Begun:
    newest = Checkpoint.at(list(checkpoints)[-1])
    epoch = None if newest is None else newest.epoch
    epochs = spec.course.epochs
    return Begun(
        network=spec.label,
        # After the last epoch the training is at the start of one that never begins.
        epoch=None if epoch is None else min(epoch, epochs),
        epochs=epochs,
        bytes=sum(checkpoints.values()),
    )
