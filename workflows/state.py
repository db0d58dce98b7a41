"""What of a study is in the store, stage by stage, and what a run would make."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

from repsim.errors import IntegrityError
from repsim.store import Artifact, Store, conditions
from repsim.store.checkpoints import Checkpoint
from repsim.tasks.consolidation import report_is_current
from repsim.tasks.specs import (
    AcrossSpec,
    ComparisonSpec,
    LayerSpec,
    NetworkSpec,
    StudyPlan,
    tiles_of,
)
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
    """One stage: how many of its artifacts are there, and in what state."""

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
    """A look at the store: which artifacts of a study are there, and so what a run would make."""

    plan: StudyPlan
    store: Store
    sound: frozenset[str]
    """``kind/key`` of every artifact that is there, by its marker."""
    damaged: frozenset[str]

    def has(self, artifact: Artifact) -> bool:
        """Whether the artifact is there."""
        return artifact.folder in self.sound

    @cached_property
    def networks(self) -> tuple[NetworkSpec, ...]:
        """Those to be trained."""
        return tuple(s for s in self.plan.networks if not self.has(s.artifact(self.store)))

    @cached_property
    def trained(self) -> tuple[Trained, ...]:
        """What networks of any study are there, where one is to be trained."""
        return tuple(trained_networks(self.store)) if self.networks else ()

    @cached_property
    def comparisons(self) -> tuple[ComparisonSpec, ...]:
        """Those to be made: something that the report reads of them is not there."""
        return tuple(
            spec
            for spec in self.plan.comparisons
            if not all(map(self.has, spec.results(self.store)))
        )

    @cached_property
    def across(self) -> tuple[AcrossSpec, ...]:
        """Comparisons across layers that are to be made."""
        return tuple(s for s in self.plan.across if not self.has(s.artifact(self.store)))

    @cached_property
    def layers(self) -> tuple[LayerSpec, ...]:
        """Those to be captured: a comparison that is to be made needs them."""
        specs: list[ComparisonSpec | AcrossSpec] = [*self.comparisons, *self.across]
        needed = {layer.key: layer for spec in specs for layer in spec.layers}
        return tuple(s for s in needed.values() if not self.has(s.artifact(self.store)))

    @cached_property
    def to_make(self) -> frozenset[str]:
        """``kind/key`` of all artifacts that a run would make."""
        made = [spec.artifact(self.store) for spec in self.networks]
        made += [spec.artifact(self.store) for spec in self.layers]
        compared: list[ComparisonSpec | AcrossSpec] = [*self.comparisons, *self.across]
        made += chain.from_iterable(spec.artifacts(self.store) for spec in compared)
        return frozenset(artifact.folder for artifact in made if not self.has(artifact))

    @cached_property
    def begun(self) -> tuple[Begun, ...]:
        """Networks that are in training, or were when their run ended."""
        kept: dict[str, dict[str, int]] = {}
        for path, size in self.store.sizes("checkpoints").items() if self.networks else ():
            kept.setdefault(path.split("/")[1], {})[path] = size
        return tuple(_begun(spec, kept[spec.key]) for spec in self.networks if spec.key in kept)


def survey_study(plan: StudyPlan, store: Store) -> Survey:
    """Look which artifacts of the study are there, all of a kind at once."""
    artifacts = [spec.artifact(store) for spec in plan.networks]
    artifacts += [spec.artifact(store) for group in plan.layers.values() for spec in group]
    compared: list[ComparisonSpec | AcrossSpec] = [*plan.comparisons, *plan.across]
    artifacts += chain.from_iterable(spec.artifacts(store) for spec in compared)
    found: dict[str, set[str]] = {"sound": set(), "damaged": set(), "missing": set()}
    for artifact, condition in zip(artifacts, conditions(artifacts), strict=True):
        found[condition].add(artifact.folder)
    return Survey(
        plan=plan,
        store=store,
        sound=frozenset(found["sound"]),
        damaged=frozenset(found["damaged"]),
    )


def study_state(plan: StudyPlan, store: Store, survey: Survey | None = None) -> list[StageState]:
    """The stages of a study, in their order; `survey` where it was made before."""
    survey = survey or survey_study(plan, store)
    failures = last_failures(store, plan.study.name)
    layers = {layer.key: layer for group in plan.layers.values() for layer in group}
    comparisons = plan.comparisons

    networks = _stage(
        "networks",
        [(spec.label, spec.artifact(store), 4 * plan.parameters) for spec in plan.networks],
        survey,
        failures,
    )
    networks.partial = sum(begun.network not in failures for begun in survey.begun)
    stages = [
        networks,
        _stage(
            "activations",
            [(spec.label, spec.artifact(store), spec.bytes) for spec in layers.values()],
            survey,
            failures,
        ),
        _stage(
            "moments",
            [
                ("", Artifact(store, "moments", spec.moments_key), 8 * spec.moment_numbers)
                for spec in comparisons
            ],
            survey,
        ),
        _stage(
            "profiles",
            [("", Artifact(store, "profiles", spec.profile_key), 0) for spec in comparisons],
            survey,
        ),
        _stage(
            "replicates",
            [("", artifact, 0) for spec in comparisons for artifact in spec.resampled(store)],
            survey,
        ),
    ]
    stages[2].partial = _summed_in_part(survey)
    for epsilon in plan.study.matching.minimal_at:
        at = [("", Artifact(store, "simple", spec.simple_key(epsilon)), 0) for spec in comparisons]
        stages.append(_stage(f"simple at {epsilon:g}", at, survey))
    rows = [(spec.label, spec.artifact(store), 0) for spec in comparisons]
    across = [(spec.label, spec.artifact(store), 0) for spec in plan.across]
    current = report_is_current(store.location, plan, failures)
    remade = bool(survey.to_make) or not current
    report = StageState(name="report", total=1, done=int(current), to_make=int(remade))
    stages.append(_stage("matches", rows, survey, failures))
    if across:
        stages.append(_stage("across layers", across, survey, failures))
    return [*stages, report]


def last_failures(store: Store, study: str) -> dict[str, str]:
    """Why a network, a layer of one or a comparison failed in the last run, by its label."""
    content = store.read(f"studies/{study}/run-summary.json")
    if content is None:
        return {}
    try:
        return {str(k): str(v) for k, v in json.loads(content)["failures"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}  # what the last run said is a convenience: the artifacts are what counts


def _stage(
    name: str,
    items: Iterable[tuple[str, Artifact, int]],
    survey: Survey,
    failures: Collection[str] = (),
) -> StageState:
    """Count artifacts, given with the label under which they fail and their size in bytes."""
    state = StageState(name=name)
    for label, artifact, size in items:
        state.total += 1
        if artifact.folder in survey.to_make:
            state.to_make += 1
            state.bytes_to_make += size
        if survey.has(artifact):
            state.done += 1
        elif artifact.folder in survey.damaged:
            state.corrupt += _problem(artifact)
        else:
            state.failed += label in failures
    return state


def _problem(artifact: Artifact) -> list[str]:
    try:
        artifact.marker()
    except IntegrityError as problem:
        return [str(problem)]
    return [f"{artifact.folder} could not be read a moment ago."]


def _summed_in_part(survey: Survey) -> int:
    """Comparisons without moments of which some examples are reduced already."""
    known = survey.sound | survey.damaged
    lacking = {s.key for s in survey.comparisons if f"moments/{s.moments_key}" not in known}
    tiles = [
        t for t in tiles_of(survey.plan.comparisons) if lacking & {s.key for s in t.comparisons}
    ]
    parts = {
        tile.key: [f"tiles/{tile.part_key(*span)}/marker.json" for span in tile.example_ranges]
        for tile in tiles
    }
    there = survey.store.existing(chain.from_iterable(parts.values()))
    return sum(
        len(lacking & {spec.key for spec in tile.comparisons})
        for tile in tiles
        if not there.isdisjoint(parts[tile.key])
    )


def _begun(spec: NetworkSpec, checkpoints: Mapping[str, int]) -> Begun:
    newest = Checkpoint.at(list(checkpoints)[-1])
    epoch = None if newest is None else newest.epoch
    epochs = spec.training.epochs
    return Begun(
        network=spec.label,
        # After the last epoch the training is at the start of one that never begins.
        epoch=None if epoch is None else min(epoch, epochs),
        epochs=epochs,
        bytes=sum(checkpoints.values()),
    )
