"""What has changed behind a study since its networks were trained: code of one's own, and data."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from repsim.errors import IntegrityError
from repsim.stages.networks import NetworkSpec
from repsim.stages.plan import StudyPlan
from repsim.store import Store, conditions
from workflows.references import read_references
from workflows.trained import CODE, Differences, Trained, changed_files, nearest, trained_networks

__all__ = ["Change", "changes_behind", "code_words", "notes_on_code", "said_before_run"]

# Names that a line lists before it counts the others.
MOST_NAMED = 5


# What differs between networks though the study is the same, apart from code.
OTHERS = {
    "data.fingerprint": "content of the data changed",
    "structure": "parameters of the model changed",
}


@dataclass(frozen=True, kw_only=True)
class Change:
    """Networks that are trained again because of a change that the study file does not show."""

    what: str
    """Such as ``model code changed: mine.py``."""
    networks: tuple[str, ...]
    seconds: float | None
    """That training them took before; None where that cannot be read."""
    accept: str
    """The option that keeps them; empty where more than code has changed."""

    def __str__(self) -> str:
        count = len(self.networks)
        cost = f"{count} networks are" if count != 1 else "1 network is"
        took = timedelta(seconds=math.ceil(self.seconds or 0))
        before = "" if self.seconds is None else f" (their training took {took} in all)"
        keep = (
            f" If the change does not matter for any result, keep what is there: {self.accept}"
            if self.accept
            else ""
        )
        return f"{self.what[0].upper()}{self.what[1:]}; {cost} trained again{before}.{keep}"


def changes_behind(
    missing: Sequence[NetworkSpec], trained: Sequence[Trained], store: Store
) -> list[Change]:
    """Of networks that are to be trained, those that are there with the same settings."""
    found: dict[tuple[str, str], list[tuple[NetworkSpec, Trained]]] = {}
    for spec in missing:
        pair = nearest(spec, trained) if spec.given is None else None  # loaded, not trained
        if pair is None or not pair[1] or not pair[1].keys() <= {*CODE, *OTHERS}:
            continue
        one, differing = pair
        words = [code_words(spec, one, differing)] if CODE.keys() & differing.keys() else []
        words += [OTHERS[name] for name in differing if name in OTHERS]
        group = (", ".join(words), _accept(spec, differing))
        found.setdefault(group, []).append((spec, one))
    return [
        Change(
            what=what,
            networks=tuple(spec.label for spec, _ in pairs),
            seconds=_seconds([one for _, one in pairs], store),
            accept=accept,
        )
        for (what, accept), pairs in found.items()
    ]


def said_before_run(plan: StudyPlan, store: Store) -> list[str]:
    """Sentences on what has changed behind the study since its last run, and `notes_on_code`."""
    absent = conditions(store, [spec.folder for spec in plan.networks])["missing"]
    missing = [spec for spec in plan.networks if spec.folder in absent]
    try:
        before = read_references(store, plan.study.name).keys["networks"] if missing else []
    except (IntegrityError, KeyError):
        before = []  # it was never run
    changes = changes_behind(missing, trained_networks(store, before), store)
    return [*map(str, changes), *notes_on_code(plan)]


def notes_on_code(plan: StudyPlan) -> list[str]:
    """Sentences on code that is accepted, that is not there to be accepted, or not covered."""
    codes = [code for spec in plan.networks for code in spec.own_codes.values()]
    notes = list(plan.accepted_code)
    digests = {code.digest for code in codes}
    notes += [
        f"accept_code.{digest} has no effect: the code of this study is "
        f"{', '.join(sorted(digests)) or 'not of your own'} now."
        for digest in sorted(plan.study.accept_code.keys() - digests)
    ]
    uncovered = sorted({name for code in codes for name in code.uncovered})
    if uncovered:
        more = f" and {len(uncovered) - MOST_NAMED} more" if len(uncovered) > MOST_NAMED else ""
        notes.append(
            f"A change of these would not be seen: {', '.join(uncovered[:MOST_NAMED])}{more}."
        )
    return notes


def code_words(spec: NetworkSpec, one: Trained, found: Differences) -> str:
    """``model code changed: mine.py, blocks.py``."""
    files = changed_files(spec, one, found)
    listed = ", ".join(files[:MOST_NAMED])
    more = f" and {len(files) - MOST_NAMED} more" if len(files) > MOST_NAMED else ""
    parts = " and ".join(what for setting, what in CODE.items() if setting in found)
    return f"{parts} code changed: {listed}{more}"


def _accept(spec: NetworkSpec, found: Differences) -> str:
    if found.keys() & OTHERS.keys():
        return ""
    pairs = {
        (spec.own_codes[CODE[setting]].digest, before)
        for setting, (before, _) in found.items()
        if before is not None and CODE[setting] in spec.own_codes
    }
    return " ".join(f"--set 'accept_code.{now}=[\"{before}\"]'" for now, before in sorted(pairs))


def _seconds(networks: Sequence[Trained], store: Store) -> float | None:
    try:
        histories = [one.history(store) for one in networks]
        return sum(float(epoch["seconds"]) for epochs in histories for epoch in epochs)
    except (IntegrityError, KeyError, ValueError):
        return None
