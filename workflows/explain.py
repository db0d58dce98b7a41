"""Why a run would make what it would make, in as few sentences as will do."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from repsim.errors import IntegrityError, StudyError
from repsim.store import Artifact, Store
from repsim.store.location import REQUESTS_AT_ONCE
from repsim.study import Study, canonical_json, parse_study
from repsim.tasks.specs import AcrossSpec, ComparisonSpec, LayerSpec, NetworkSpec
from workflows.state import Survey, last_failures

__all__ = ["Reason", "explain"]

# Differences that are named one by one; a network with more is hardly a variant of another.
MOST_NAMED = 4

DAMAGED = "damaged: removed and made again"
TRIED_AGAIN = "failed in the last run, and is tried again"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why some things of one stage are made."""

    stage: str
    labels: tuple[str, ...]
    why: str

    def __str__(self) -> str:
        return f"{_counted(self.stage, self.labels)}: {self.why}"


@dataclass(frozen=True, kw_only=True)
class _Trained:
    """A network in the store, and what determined it."""

    label: str
    parameters: Mapping[str, Any]


def explain(survey: Survey) -> list[Reason]:
    """Every network, layer and comparison that a run would make, grouped by the reason."""
    store, study = survey.store, survey.plan.study
    before = _study_before(store, study.name)
    failures = last_failures(store, study.name)
    begun = {one.network: one for one in survey.begun}
    trained = list(_trained(store)) if survey.networks else []
    why: dict[tuple[str, str], list[str]] = {}

    def note(stage: str, label: str, reason: str) -> None:
        why.setdefault((stage, reason), []).append(label)

    for network in survey.networks:
        if network.artifact(store).folder in survey.damaged:
            reason = DAMAGED
        elif network.label in begun:
            reason = "goes on from its checkpoint"
        elif network.label in failures:
            reason = TRIED_AGAIN
        else:
            reason = _why_trained(network, trained)
        note("networks", network.label, reason)
    for layer in survey.layers:
        again = layer.label in failures
        reason = TRIED_AGAIN if again else _why_captured(layer, survey, before)
        note("activations", layer.label, reason)
    for comparison in survey.comparisons:
        note("comparisons", comparison.label, _why_compared(comparison, survey, before))
    for across in survey.across:
        note("comparisons across layers", across.label, _why_compared(across, survey, before))
    return [
        Reason(stage=stage, labels=tuple(labels), why=reason)
        for (stage, reason), labels in why.items()
    ]


def _why_trained(spec: NetworkSpec, trained: Sequence[_Trained]) -> str:
    """The nearest of the networks that are there, and in what it differs."""
    # As it is in a marker: lists for tuples.
    wanted = json.loads(canonical_json(spec.parameters))
    alike = [
        (_differences(one.parameters, wanted), one)
        for one in trained
        if all(one.parameters.get(what, {}).get("name") == wanted[what]["name"] for what in _KIND)
    ]
    if not alike:
        return "nothing like it is in the store"
    differences, nearest = min(alike, key=lambda pair: (_distance(pair[0]), pair[1].label))
    other_seed = differences.pop("seed", None) is not None
    if not differences and other_seed:
        return f"a new seed; {nearest.label} is there, with the same settings"
    if not differences:
        return "the same settings are there, trained by another version of repsim"
    one = f"the nearest in the store, {nearest.label}," if other_seed else "the one trained before"
    return f"differs from {one} in {_named(differences)}"


# What two networks must share for one to be called a variant of the other.
_KIND = ("data", "model")


def _distance(differences: Mapping[str, object]) -> tuple[int, bool]:
    return len(differences.keys() - {"seed"}), "seed" in differences


def _why_captured(layer: LayerSpec, survey: Survey, before: Study | None) -> str:
    if layer.artifact(survey.store).folder in survey.damaged:
        return DAMAGED
    if layer.network in survey.networks:
        return "the network is trained first"
    now = survey.plan.study
    changed = _changed(before, now, "capture")
    changed.pop("capture.layers", None)
    if changed:
        return f"captured otherwise before: {_named(changed)}"
    return "not captured of this network yet"


def _why_compared(spec: ComparisonSpec | AcrossSpec, survey: Survey, before: Study | None) -> str:
    store = survey.store
    if any(artifact.folder in survey.damaged for artifact in spec.results(store)):
        return DAMAGED
    networks = {layer.network.key for layer in spec.layers}
    if networks & {network.key for network in survey.networks}:
        return "a network of the pair is trained first"
    if {layer.key for layer in spec.layers} & {layer.key for layer in survey.layers}:
        return "the activations are captured first"
    if isinstance(spec, AcrossSpec):
        changed = _changed(before, survey.plan.study, "across")
        return f"changed: {_named(changed)}" if changed else "not compared yet"
    changed = _changed(before, survey.plan.study, "matching", "measures", "resampling")
    if changed:
        there = {"profiles": spec.profile_key, "moments": spec.moments_key}
        kept = [kind for kind, key in there.items() if survey.has(Artifact(store, kind, key))]
        return f"changed: {_named(changed)}" + (f"; the {kept[0]} are there" if kept else "")
    return "not compared yet"


def _study_before(store: Store, name: str) -> Study | None:
    """The study as it was run last."""
    content = store.read(f"studies/{name}/study.toml")
    try:
        return None if content is None else parse_study(content.decode())
    except (StudyError, UnicodeDecodeError):
        return None


def _changed(before: Study | None, now: Study, *groups: str) -> dict[str, tuple[Any, Any]]:
    if before is None:
        return {}
    old, new = (study.model_dump(mode="json", include=set(groups)) for study in (before, now))
    return _differences(old, new)


def _trained(store: Store) -> Iterator[_Trained]:
    """Every network in the store whose marker says what determined it."""
    places = [path.split("/") for path in store.sizes("networks")]
    keys = [place[1] for place in places if place[2:] == ["marker.json"]]

    def parameters(key: str) -> _Trained | None:
        try:
            facts = Artifact(store, "networks", key).marker().facts
        except IntegrityError:
            return None
        known = facts.get("parameters")
        if not isinstance(known, dict):
            return None  # of a version that did not write them
        return _Trained(label=str(facts.get("network", key[:12])), parameters=known)

    with ThreadPoolExecutor(1 if store.is_local else REQUESTS_AT_ONCE) as pool:
        yield from (one for one in pool.map(parameters, keys) if one is not None)


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Settings that are not the same, by their dotted names, with both values."""
    old, new = dict(_settings(before)), dict(_settings(now))
    return {
        name: (old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    }


def _settings(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        # The streams of a seed are one setting.
        if isinstance(value, Mapping) and name != "seed":
            yield from _settings(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}".replace(".options.", "."), value


def _named(differences: Mapping[str, tuple[Any, Any]]) -> str:
    named = [
        "the content of the data"
        if name == "data.fingerprint"
        else f"{name}: {_shown(before)} → {_shown(now)}"
        for name, (before, now) in differences.items()
    ]
    more = len(named) - MOST_NAMED
    return ", ".join(named[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _shown(value: Any) -> str:
    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _counted(stage: str, labels: Sequence[str]) -> str:
    """``2 networks (seed 0, seed 1)``; many are not listed."""
    noun = stage if len(labels) != 1 else {"activations": "layer"}.get(stage, _singular(stage))
    noun = {"activations": "layers"}.get(noun, noun)
    listed = f" ({', '.join(labels)})" if stage == "networks" and len(labels) <= 8 else ""
    listed = listed or (f" ({labels[0]})" if len(labels) == 1 else "")
    return f"{len(labels)} {noun}{listed}"


def _singular(stage: str) -> str:
    noun, *rest = stage.split(" ")
    return " ".join([noun.removesuffix("s"), *rest])
