"""What changed code of one's own costs, and what else there is to say about such code."""

from collections.abc import Sequence
from dataclasses import dataclass

from repsim.errors import IntegrityError
from repsim.store import Store, conditions
from repsim.tasks.specs import NetworkSpec, StudyPlan
from workflows.trained import CODE, Differences, Trained, changed_files, nearest, trained_networks

__all__ = [
    "CodeChange",
    "changes_before_run",
    "code_changes",
    "code_words",
    "is_code_alone",
    "notes_on_code",
]

# Names that a line lists before it counts the others.
MOST_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class CodeChange:
    """Networks that are trained again because code of one's own has changed, and nothing else."""

    what: str
    """Such as ``model code changed: mine.py``."""
    networks: tuple[str, ...]
    seconds: float | None
    """That their training took, with the code before; None where that cannot be read."""
    accept: str
    """The option that keeps them; empty where the parameters of the model changed as well."""

    def __str__(self) -> str:
        many = len(self.networks) != 1
        took = "" if self.seconds is None else f" (training took {self.seconds:.0f} s)"
        cost = (
            f"{len(self.networks)} {'networks are' if many else 'network is'} trained again{took}"
        )
        keep = (
            f" If the change does not matter for any result, keep {'them' if many else 'it'}: "
            f"{self.accept}"
            if self.accept
            else ""
        )
        return f"{self.what[0].upper()}{self.what[1:]}; {cost}.{keep}"


def code_changes(
    missing: Sequence[NetworkSpec], trained: Sequence[Trained], store: Store
) -> list[CodeChange]:
    """Of networks that are to be trained, those that are there but for changed code."""
    found: dict[tuple[str, str], list[tuple[NetworkSpec, Trained]]] = {}
    for spec in missing:
        pair = nearest(spec, trained) if spec.own_codes else None
        if pair is not None and is_code_alone(pair[1]):
            group = (code_words(spec, *pair), _accept(spec, pair[1]))
            found.setdefault(group, []).append((spec, pair[0]))
    return [
        CodeChange(
            what=what,
            networks=tuple(spec.label for spec, _ in pairs),
            seconds=_seconds([one for _, one in pairs], store),
            accept=accept,
        )
        for (what, accept), pairs in found.items()
    ]


def changes_before_run(plan: StudyPlan, store: Store) -> list[CodeChange]:
    """`code_changes` of the networks that a run would train."""
    if not plan.networks[0].own_codes:
        return []
    there = conditions([spec.artifact(store) for spec in plan.networks])
    missing = [spec for spec, one in zip(plan.networks, there, strict=True) if one == "missing"]
    return code_changes(missing, list(trained_networks(store)), store) if missing else []


def notes_on_code(plan: StudyPlan) -> list[str]:
    """Sentences on code that is accepted, that is not there to be accepted, or not covered."""
    codes = plan.networks[0].own_codes
    notes = list(plan.accepted_code)
    digests = {code.digest for code in codes.values()}
    for digest in sorted(plan.study.accept_code.keys() - digests):
        notes.append(
            f"accept_code.{digest} has no effect: the code of this study is "
            f"{', '.join(sorted(digests)) or 'not of your own'} now."
        )
    uncovered = sorted({name for code in codes.values() for name in code.uncovered})
    if uncovered:
        more = f" and {len(uncovered) - MOST_NAMED} more" if len(uncovered) > MOST_NAMED else ""
        notes.append(
            f"A change of these would not be seen: {', '.join(uncovered[:MOST_NAMED])}{more}."
        )
    return notes


def is_code_alone(found: Differences) -> bool:
    """Whether code of one's own, and what follows from it, is all that differs."""
    return bool(CODE.keys() & found.keys()) and found.keys() <= {*CODE, "structure"}


def code_words(spec: NetworkSpec, one: Trained, found: Differences) -> str:
    """``model code changed: mine.py, blocks.py``."""
    files = changed_files(spec, one, found)
    listed = ", ".join(files[:MOST_NAMED])
    more = f" and {len(files) - MOST_NAMED} more" if len(files) > MOST_NAMED else ""
    parts = " and ".join(what for setting, what in CODE.items() if setting in found)
    return f"{parts} code changed: {listed}{more}"


def _accept(spec: NetworkSpec, found: Differences) -> str:
    if "structure" in found:
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
