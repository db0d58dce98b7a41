"""Which states of a network are kept while it trains."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from repsim.errors import StudyError
from repsim.options import StrictOptions
from repsim.study.course import Course

__all__ = ["AtSteps", "Moment", "as_moments", "snapshots_of"]

Count = Annotated[int, Field(ge=0)]


class AtSteps(StrictOptions):
    """Snapshots after so many steps; 0 is before the first."""

    steps: tuple[Count, ...] = Field(min_length=1)


NAMED = ("initial", "last", "best", "log")

Moment = Count | Literal["initial", "last", "best", "log"] | AtSteps
"""An epoch, a name, or steps."""

Keep = Literal["last", "best"]


def as_moments(value: object) -> tuple[object, ...]:
    """A list of moments, or a single one, as a study file has them.

    Raises
    ------
    ValueError
        For what is none; the message has no full stop.
    """
    moments = value if isinstance(value, list | tuple) else (value,)
    return tuple(_as_moment(moment) for moment in moments)


def _as_moment(moment: object) -> object:
    if isinstance(moment, AtSteps) or moment in NAMED or _is_count(moment):
        return moment
    steps = moment.get("steps") if isinstance(moment, Mapping) and len(moment) == 1 else None
    if isinstance(steps, list | tuple) and steps and all(map(_is_count, steps)):
        return AtSteps(steps=tuple(steps))
    raise ValueError(
        f"Expected epochs, {', '.join(map(repr, NAMED))} or a table like {{ steps = [0, 100] }}. "
        f"Got {dict(moment) if isinstance(moment, Mapping) else moment!r}"
    )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def snapshots_of(moments: tuple[Moment, ...], course: Course, keep: Keep) -> dict[str, int | None]:
    """The snapshots of a training besides the network itself, by name, in order of step.

    Parameters
    ----------
    moments
        As a study lists them. ``log`` is initial, after 1, 2, 5, 10, 20, 50 ... steps, and last.
    course
        Of the training.
    keep
        Which of its states the network itself is.

    Returns
    -------
    dict
        Steps by name, such as ``{"initial": 0, "epoch 5": 1955}``; ``best``, whose step shows when
        the network is trained, has None. An untrained network has no snapshots: all are itself.

    Raises
    ------
    StudyError
        When a snapshot would be after the last step.

    Examples
    --------
    >>> course = Course.of(1000, batch_size=100, epochs=5, steps=None)
    >>> snapshots_of(("initial", 2, AtSteps(steps=(3,)), 5), course, "last")
    {'initial': 0, 'step 3': 3, 'epoch 2': 20}
    """
    steps: set[int] = set()
    for moment in moments:
        if isinstance(moment, AtSteps):
            steps.update(moment.steps)
        elif isinstance(moment, int):
            steps.add(moment * course.batches)
        elif moment == "initial":
            steps.add(0)
        elif moment == "last":
            steps.add(course.steps)
        elif moment == "log":
            steps |= {0, course.steps, *_rising(course.steps)}
    late = [moment for moment in moments if _end_of(moment, course) > course.steps]
    if late:
        said = list(late[0].steps) if isinstance(late[0], AtSteps) else late[0]
        unit = "steps" if isinstance(late[0], AtSteps) else "epoch"
        raise StudyError(
            f"Expected snapshots within the training of {course.epochs} epochs ({course.steps} "
            f"steps, {course.batches} an epoch). Got {unit} {said} in training.snapshots. "
            "Remove it, or train for longer."
        )
    by_epoch = {moment * course.batches for moment in moments if isinstance(moment, int)}
    found: dict[str, int | None] = {
        _name(step, course, by_epoch=step in by_epoch): step
        for step in sorted(steps)
        if keep == "best" or step != course.steps
    }
    best = "best" in moments and keep == "last" and course.steps > 0
    return found | ({"best": None} if best else {})


def _end_of(moment: Moment, course: Course) -> int:
    """The last step that it names."""
    if isinstance(moment, AtSteps):
        return max(moment.steps)
    return moment * course.batches if isinstance(moment, int) else 0


def _rising(steps: int) -> list[int]:
    """1, 2, 5, 10, 20, 50 ... below `steps`."""
    powers = [10**power for power in range(len(str(steps)))]
    return [factor * power for power in powers for factor in (1, 2, 5) if factor * power < steps]


def _name(step: int, course: Course, *, by_epoch: bool) -> str:
    if step in (0, course.steps):
        return "initial" if step == 0 else "last"
    epoch, within = divmod(step, course.batches)
    # Where every step is an epoch, it is called what the study calls it.
    counts_steps = within or (course.batches == 1 and not by_epoch)
    return f"step {step}" if counts_steps else f"epoch {epoch}"
