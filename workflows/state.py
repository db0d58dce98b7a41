"""What of a study is in the store, stage by stage."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from repsim.errors import IntegrityError
from repsim.store import Artifact, Store
from repsim.tasks.consolidation import report_is_current
from repsim.tasks.specs import ComparisonSpec, StudyPlan

__all__ = ["StageState", "last_failures", "study_state"]


@dataclass(kw_only=True)
class StageState:
    """One stage: how many of its artifacts are there, and in what state."""

    name: str
    total: int = 0
    done: int = 0
    partial: int = 0
    corrupt: list[str] = field(default_factory=list)
    failed: int = 0
    missing_bytes: int = 0

    @property
    def missing(self) -> int:
        """Neither there nor begun."""
        return self.total - self.done - self.partial - self.failed - len(self.corrupt)


def study_state(plan: StudyPlan, store: Store) -> list[StageState]:
    """The stages of a study, in their order."""
    failures = last_failures(store, plan.study.name)
    layers = {layer.key: layer for group in plan.layers.values() for layer in group}
    comparisons = plan.comparisons

    networks = _stage(
        "networks",
        [(spec.label, spec.artifact(store), 4 * plan.parameters) for spec in plan.networks],
        failures,
    )
    for spec in plan.networks:
        begun = store.sizes(f"checkpoints/{spec.key}")
        if begun and not spec.artifact(store).exists() and spec.label not in failures:
            networks.partial += 1
    stages = [
        networks,
        _stage("activations", [("", spec.artifact(store), spec.bytes) for spec in layers.values()]),
        _stage(
            "moments",
            [
                ("", Artifact(store, "moments", spec.moments_key), 8 * _moment_numbers(spec))
                for spec in comparisons
            ],
        ),
        _stage(
            "profiles",
            [("", Artifact(store, "profiles", spec.profile_key), 0) for spec in comparisons],
        ),
    ]
    for epsilon in plan.study.matching.minimal_at:
        at = _stage(
            f"simple at {epsilon:g}",
            [("", Artifact(store, "simple", spec.simple_key(epsilon)), 0) for spec in comparisons],
        )
        stages.append(at)
    rows = [(spec.label, spec.artifact(store), 0) for spec in comparisons]
    current = report_is_current(store.location, plan, failures)
    report = StageState(name="report", total=1, done=int(current))
    return [*stages, _stage("matches", rows, failures), report]


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
    failures: Collection[str] = (),
) -> StageState:
    """Count artifacts, given with the label under which they fail and their size in bytes."""
    state = StageState(name=name)
    for label, artifact, size in items:
        state.total += 1
        if not artifact.exists():
            state.failed += label in failures
            state.missing_bytes += size
            continue
        try:
            artifact.marker()
        except IntegrityError as problem:
            state.corrupt.append(str(problem))
        else:
            state.done += 1
    return state
