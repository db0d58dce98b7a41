"""What of a study is in the store, stage by stage, and what a run would make."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any

from repsim.errors import IntegrityError
from repsim.store import Artifact, Store, conditions
from repsim.tasks.consolidation import report_is_current
from repsim.tasks.graph import comparison_steps
from repsim.tasks.specs import ComparisonSpec, LayerSpec, NetworkSpec, StudyPlan

__all__ = ["Begun", "StageState", "Survey", "last_failures", "study_state", "survey_study"]


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A network in training, as its checkpoints show it."""

    network: str
    epoch: int | None
    """The one that it is in; None where that would take reading a whole checkpoint."""
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
    def comparisons(self) -> tuple[ComparisonSpec, ...]:
        """Those to be made: something that the report reads of them is not there."""
        return tuple(
            spec
            for spec in self.plan.comparisons
            if not all(map(self.has, spec.results(self.store)))
        )

    @cached_property
    def layers(self) -> tuple[LayerSpec, ...]:
        """Those to be captured: a comparison that is to be made needs them."""
        needed = {side.key: side for spec in self.comparisons for side in (spec.x, spec.y)}
        return tuple(s for s in needed.values() if not self.has(s.artifact(self.store)))

    @cached_property
    def to_make(self) -> frozenset[str]:
        """``kind/key`` of all artifacts that a run would make."""
        made = [spec.artifact(self.store) for spec in self.networks]
        made += [spec.artifact(self.store) for spec in self.layers]
        made += chain.from_iterable(_steps(spec, self.store) for spec in self.comparisons)
        return frozenset(artifact.folder for artifact in made if not self.has(artifact))

    @cached_property
    def begun(self) -> tuple[Begun, ...]:
        """Networks that are in training, or were when their run ended."""
        found = (_begun(self.store, spec) for spec in self.networks)
        return tuple(one for one in found if one is not None)


def survey_study(plan: StudyPlan, store: Store) -> Survey:
    """Look which artifacts of the study are there, all of a kind at once."""
    artifacts = [spec.artifact(store) for spec in plan.networks]
    artifacts += [spec.artifact(store) for group in plan.layers.values() for spec in group]
    artifacts += chain.from_iterable(_steps(spec, store) for spec in plan.comparisons)
    found: dict[str, set[str]] = {"sound": set(), "damaged": set(), "missing": set()}
    for artifact, condition in zip(artifacts, conditions(artifacts), strict=True):
        found[condition].add(artifact.folder)
    return Survey(
        plan=plan,
        store=store,
        sound=frozenset(found["sound"]),
        damaged=frozenset(found["damaged"]),
    )


def _steps(spec: ComparisonSpec, store: Store) -> list[Artifact]:
    """Everything that a comparison publishes for good."""
    return [Artifact(store, "moments", spec.moments_key), *spec.results(store)]


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
            [("", spec.artifact(store), spec.bytes) for spec in layers.values()],
            survey,
        ),
        _stage(
            "moments",
            [
                ("", Artifact(store, "moments", spec.moments_key), 8 * _moment_numbers(spec))
                for spec in comparisons
            ],
            survey,
        ),
        _stage(
            "profiles",
            [("", Artifact(store, "profiles", spec.profile_key), 0) for spec in comparisons],
            survey,
        ),
    ]
    stages[2].partial = _summed_in_part(survey)
    for epsilon in plan.study.matching.minimal_at:
        at = [("", Artifact(store, "simple", spec.simple_key(epsilon)), 0) for spec in comparisons]
        stages.append(_stage(f"simple at {epsilon:g}", at, survey))
    rows = [(spec.label, spec.artifact(store), 0) for spec in comparisons]
    current = report_is_current(store.location, plan, failures)
    remade = bool(survey.to_make) or not current
    report = StageState(name="report", total=1, done=int(current), to_make=int(remade))
    return [*stages, _stage("matches", rows, survey, failures), report]


def last_failures(store: Store, study: str) -> dict[str, str]:
    """Why a network or comparison failed in the last run, by its label."""
    content = store.read(f"studies/{study}/run-summary.json")
    if content is None:
        return {}
    try:
        return dict(json.loads(content)["failures"])
    except (ValueError, KeyError, TypeError):
        return {}  # what the last run said is a convenience: the artifacts are what counts


def _moment_numbers(spec: ComparisonSpec) -> int:
    p, q = spec.x.neurons, spec.y.neurons
    return p * p + p * q + q * q


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
    lacking = [
        spec
        for spec in survey.comparisons
        if f"moments/{spec.moments_key}" not in survey.sound | survey.damaged
        and len(spec.example_ranges) > 1
    ]
    parts = {spec.key: _marker_paths_of_parts(spec) for spec in lacking}
    there = survey.store.existing(chain.from_iterable(parts.values()))
    return sum(not there.isdisjoint(paths) for paths in parts.values())


def _marker_paths_of_parts(spec: ComparisonSpec) -> list[str]:
    names = [step.name for step in comparison_steps("", spec)]
    return [f"moments/{name}/marker.json" for name in names[: names.index("profile")]]


def _begun(store: Store, spec: NetworkSpec) -> Begun | None:
    sizes = store.sizes(f"checkpoints/{spec.key}")
    if not sizes:
        return None
    return Begun(
        network=spec.label,
        epoch=_epoch_of(store, list(sizes)),
        epochs=spec.training.epochs,
        bytes=sum(sizes.values()),
    )


def _epoch_of(store: Store, checkpoints: Sequence[str]) -> int | None:
    """The epoch in the newest checkpoint of a local store, of which the weights are not read."""
    if not store.is_local:
        return None
    import torch

    try:
        snapshot: dict[str, Any] = torch.load(
            store.root / checkpoints[-1], map_location="cpu", weights_only=True, mmap=True
        )
        return int(snapshot["epoch"])
    # Damaged, or replaced by a newer one: torch answers with almost any exception.
    except Exception:
        return None
