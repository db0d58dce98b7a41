"""Watching a study: looking at its store again and again, and how fast each part goes on."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from repsim.stages.plan import StudyPlan
from repsim.store import Store, conditions
from workflows.state import (
    Begun,
    StageState,
    Survey,
    last_failures,
    study_state,
    survey_study,
)

__all__ = ["Look", "Pace", "Watch", "look_at"]


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a study was like at one moment."""

    study: str
    store: Store
    stages: list[StageState]
    begun: tuple[Begun, ...]
    """Networks in training."""
    failures: dict[str, str]
    """Why a network or comparison failed in the last run, by its label."""
    paces: "dict[str, Pace]" = field(default_factory=dict)
    """Of stages and of networks in training, by name: those that were seen to go on."""

    @property
    def is_complete(self) -> bool:
        """Whether a run would make nothing."""
        return not any(stage.to_make for stage in self.stages)


def look_at(survey: Survey) -> Look:
    """How far the study is."""
    study = survey.plan.study.name
    return Look(
        study=study,
        store=survey.store,
        stages=study_state(survey),
        begun=survey.begun,
        failures=last_failures(survey.store, study),
    )


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast something went on since it was first seen to, and when it ends at that speed."""

    per_second: float
    seconds_left: float


class Watch:
    """Looks at a study whose plan was made once.

    Artifacts never change, so that a look asks for those alone that a run is still to make. When
    nothing is left it asks for all: a run may have found one damaged, and removed it.
    """

    def __init__(
        self, plan: StudyPlan, store: Store, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._plan = plan
        self._store = store
        self._clock = clock
        self._survey: Survey | None = None
        self._courses: dict[str, _Course] = {}

    def look(self) -> Look:
        """The state of the study now."""
        before = self._survey
        survey = None if before is None else _again(before)
        if survey is None or not survey.to_make:
            survey = survey_study(self._plan, self._store)
        self._survey = survey
        look = look_at(survey)
        counts = {stage.name: (stage.done, stage.to_make) for stage in look.stages}
        for one in look.begun:
            if one.epoch is not None:
                counts[one.network] = (one.epoch, one.epochs - one.epoch + 1)
        now = self._clock()
        return replace(look, paces=dict(self._paces(counts, now)))

    def _paces(self, counts: dict[str, tuple[int, int]], now: float) -> "list[tuple[str, Pace]]":
        paces = []
        for name, (done, left) in counts.items():
            course = self._courses.setdefault(name, _Course(done=done, since=now))
            rate = course.rate(done, now)
            if rate and left:
                paces.append((name, Pace(per_second=rate, seconds_left=left / rate)))
        return paces


@dataclass
class _Course:
    """How something went on: measured from the first change that was seen to the present.

    Not from the first look: what had not begun then would look slow for ever.
    """

    done: int
    since: float
    has_moved: bool = False

    def rate(self, done: int, now: float) -> float:
        """How many in a second; 0 where that is not known yet."""
        if not self.has_moved or done < self.done:
            self.has_moved = done > self.done
            self.done, self.since = done, now
        return (done - self.done) / (now - self.since) if now > self.since else 0.0


def _again(before: Survey) -> Survey:
    """Look once more for what was missing, or damaged; what was there still is."""
    found = conditions(before.store, before.to_make | before.damaged)
    existing, damaged = before.existing | found["sound"], frozenset(found["damaged"])
    return replace(before, existing=existing, damaged=damaged)
