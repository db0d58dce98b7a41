"""Why a run would make what it would make, in as few sentences as will do."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repsim.errors import StudyError
from repsim.stages.across import AcrossSpec
from repsim.stages.activations import LayerSpec
from repsim.stages.comparison import ComparisonSpec
from repsim.stages.networks import NetworkSpec
from repsim.store import Store
from repsim.study import Study, parse_study
from workflows.changes import code_words
from workflows.state import Survey, last_failures
from workflows.trained import CODE, Differences, Trained, differences, nearest

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


def explain(survey: Survey) -> list[Reason]:
    """Every network, layer and comparison that a run would make, grouped by the reason."""
    store, study = survey.store, survey.plan.study
    before = _study_before(store, study.name)
    failures = last_failures(store, study.name)
    begun = {one.network: one for one in survey.begun}
    why: dict[tuple[str, str], list[str]] = {}

    def note(stage: str, label: str, reason: str) -> None:
        why.setdefault((stage, reason), []).append(label)

    for network in survey.networks:
        if network.folder in survey.damaged:
            reason = DAMAGED
        elif network.folder in survey.existing and network.label not in begun:
            names = [s.snapshot for s in network.snapshots if s.folder in survey.to_make]
            reason = f"trained again, for snapshots that are not there ({', '.join(names)})"
        elif network.label in begun:
            reason = "goes on from its checkpoint"
        elif network.label in failures:
            reason = TRIED_AGAIN
        else:
            reason = (
                _why_trained(network, survey.trained)
                if network.given is None
                else f"given weights, from {network.network.weights}"
            )
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


def _why_trained(spec: NetworkSpec, trained: Sequence[Trained]) -> str:
    """The nearest of the networks that are there, and in what it differs."""
    found = nearest(spec, trained)
    if found is None:
        return "nothing like it is in the store"
    one, differing = found
    code = code_words(spec, one, differing) if CODE.keys() & differing.keys() else ""
    differing = {name: both for name, both in differing.items() if name not in CODE}
    if code and differing.keys() <= {"structure"}:
        return code
    other_seed = differing.pop("seed", None) is not None
    if not differing and other_seed:
        same = f"a new seed; {one.label} is there, with the same settings"
        return f"{same}; {code}" if code else same
    if not differing:
        return "the same settings are there, trained by another version of repsim"
    named = f"the nearest in the store, {one.label}," if other_seed else "the one trained before"
    return f"differs from {named} in {_named(differing)}" + (f"; {code}" if code else "")


def _made(spec: NetworkSpec) -> str:
    return "trained" if spec.given is None else "loaded"


def _why_captured(layer: LayerSpec, survey: Survey, before: Study | None) -> str:
    if layer.folder in survey.damaged:
        return DAMAGED
    if layer.network.folder in survey.to_make:
        return f"the network is {_made(layer.network)} first"
    now = survey.plan.study
    changed = _changed(before, now, "capture")
    changed.pop("capture.layers", None)
    if changed:
        return f"captured otherwise before: {_named(changed)}"
    return "not captured of this network yet"


def _why_compared(spec: ComparisonSpec | AcrossSpec, survey: Survey, before: Study | None) -> str:
    if spec.label in survey.damaged_results:
        return DAMAGED
    made = {_made(x.network) for x in spec.layers if x.network.folder in survey.to_make}
    if made:
        return f"a network of the pair is {max(made)} first"
    if any(layer.folder in survey.to_make for layer in spec.layers):
        return "the activations are captured first"
    if isinstance(spec, AcrossSpec):
        changed = _changed(before, survey.plan.study, "across")
        return f"changed: {_named(changed)}" if changed else "not compared yet"
    changed = _changed(before, survey.plan.study, "matching", "measures", "resampling")
    if changed:
        there = {"profiles": spec.profile_folder, "moments": spec.moments_folder}
        kept = [kind for kind, folder in there.items() if folder in survey.existing]
        return f"changed: {_named(changed)}" + (f"; the {kept[0]} are there" if kept else "")
    return "not compared yet"


def _study_before(store: Store, name: str) -> Study | None:
    """The study as it was run last."""
    content = store.read(f"studies/{name}/study.toml")
    try:
        return None if content is None else parse_study(content.decode())
    except (StudyError, UnicodeDecodeError):
        return None


def _changed(before: Study | None, now: Study, *groups: str) -> Differences:
    if before is None:
        return {}
    old, new = (study.model_dump(mode="json", include=set(groups)) for study in (before, now))
    return differences(old, new)


# What is named in words: of a digest, the values say nothing.
_IN_WORDS = {
    "data.fingerprint": "the content of the data",
    "structure": "the parameters of the model",
}


def _named(found: Mapping[str, tuple[Any, Any]]) -> str:
    named = [
        _IN_WORDS.get(name, f"{name}: {_shown(before)} → {_shown(now)}")
        for name, (before, now) in found.items()
        if name != "structure" or len(found) == 1  # with other settings, it follows from them
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
