"""How the state of a study looks: as a table, as a screen that is redrawn, as an object."""

from collections.abc import Iterator
from datetime import datetime

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from workflows.command.output import columns
from workflows.state import StageState
from workflows.terminal import one_line
from workflows.watch import Look, Pace

__all__ = ["as_object", "duration", "numbers", "paced", "remarks", "screen", "speed"]

BAR_WIDTH = 18
# Of done, speed and time left, so that a line has 80 characters.
COLUMN_WIDTHS = (11, 8, 11)
# Lines of a screen beside those of stages, networks and failures.
FRAME_LINES = 4
UNITS = (("s", 1.0), ("min", 60.0), ("h", 3600.0))


def as_object(look: Look) -> dict[str, object]:
    """The state for other programs."""
    return {
        "study": look.study,
        "store": look.store.location,
        "complete": look.is_complete,
        "stages": [_stage_object(stage) for stage in look.stages],
        "in_training": [
            {"network": one.network, "epoch": one.epoch, "epochs": one.epochs} for one in look.begun
        ],
        "failures": look.failures,
    }


def paced(look: Look) -> dict[str, object]:
    """As `as_object`, with ``seconds_left`` of stages and networks: null where it is not known."""

    def left(name: str) -> dict[str, object]:
        pace = look.paces.get(name)
        return {"seconds_left": None if pace is None else round(pace.seconds_left, 1)}

    return {
        **as_object(look),
        "stages": [{**_stage_object(stage), **left(stage.name)} for stage in look.stages],
        "in_training": [
            {"network": one.network, "epoch": one.epoch, "epochs": one.epochs, **left(one.network)}
            for one in look.begun
        ],
    }


def numbers(look: Look) -> Table:
    """The stages as a table of numbers."""
    table = columns("stage", "done", "missing", "partial", "corrupt", "failed")
    for stage in look.stages:
        counts = (stage.done, stage.missing, stage.partial, len(stage.corrupt), stage.failed)
        table.add_row(stage.name, *map(str, counts))
    return table


def remarks(look: Look) -> Iterator[str]:
    """What there is to say below the numbers."""
    yield from (f"In training: {one}" for one in look.begun)
    yield from _problems(look)


def screen(look: Look, pause: float, *, height: int) -> Group:
    """The state with bars, speeds and times, in so many lines."""
    rows = columns("stage", "", "done", "speed", "left", "", words=2)
    rows.columns[-1].justify = "left"
    # A table that changed its width at every look would be hard to read.
    for column, width in zip(rows.columns[2:], COLUMN_WIDTHS, strict=False):
        column.min_width = width
    for stage in look.stages:
        bar = ProgressBar(total=stage.total or 1, completed=stage.done, width=BAR_WIDTH)
        rows.add_row(
            stage.name, bar, f"{stage.done}/{stage.total}", *_pace(look, stage.name), _note(stage)
        )
    room = max(2, height - len(look.stages) - FRAME_LINES)
    problems = list(_problems(look))
    shown = problems[: max(1, room // 2)]
    begun = look.begun[: max(1, room - len(shown) - 2)]
    for one in begun:
        bar = ProgressBar(total=one.epochs, completed=(one.epoch or 1) - 1, width=BAR_WIDTH)
        done = f"epoch {one.epoch}/{one.epochs}" if one.epoch else "begun"
        rows.add_row(f"  {one.network}", bar, done, *_pace(look, one.network))
    below = []
    if len(begun) < len(look.begun):
        below.append(f"... and {len(look.begun) - len(begun)} more networks in training")
    below += shown
    if len(shown) < len(problems):
        below.append(f"... and {len(problems) - len(shown)} more of this kind")
    title = f"{look.study} in {look.store.location}"
    return Group(_line(title), rows, *map(_line, below), _line(_last(look, pause)))


def _last(look: Look, pause: float) -> str:
    at = f"{datetime.now():%H:%M:%S}"
    if look.is_complete:
        return f"Complete at {at}."
    return f"{at}, again every {pause:g} s. Ctrl-C ends the watch, not the study."


def _pace(look: Look, name: str) -> tuple[str, str]:
    pace: Pace | None = look.paces.get(name)
    return ("", "") if pace is None else (speed(pace.per_second), duration(pace.seconds_left))


def _note(stage: StageState) -> str:
    parts = (("begun", stage.partial), ("corrupt", len(stage.corrupt)), ("failed", stage.failed))
    return ", ".join(f"{count} {word}" for word, count in parts if count)


def _problems(look: Look) -> Iterator[str]:
    for stage in look.stages:
        yield from (one_line(f"Corrupt: {problem}") for problem in stage.corrupt)
    for label, error in look.failures.items():
        yield one_line(f"Failed in the last run: {label}: {error}")


def _line(text: str) -> Text:
    """One line, cut where the terminal ends: `repsim status` alone prints all of it."""
    return Text(text, no_wrap=True, overflow="ellipsis")


def _stage_object(stage: StageState) -> dict[str, object]:
    return {
        "name": stage.name,
        "total": stage.total,
        "done": stage.done,
        "missing": stage.missing,
        "partial": stage.partial,
        "corrupt": stage.corrupt,
        "failed": stage.failed,
    }


def speed(per_second: float) -> str:
    """How many in a second, minute or hour: the shortest in which there is one.

    >>> speed(2.5), speed(0.05), speed(0.001)
    ('2.5/s', '3.0/min', '3.6/h')
    """
    unit, seconds = next((u for u in UNITS if per_second * u[1] >= 1), UNITS[-1])
    return f"{per_second * seconds:.1f}/{unit}"


def duration(seconds: float) -> str:
    """A time in its two largest units.

    >>> duration(4.2), duration(754), duration(3600 * 26 + 1900)
    ('5 s', '12 min 34 s', '1 d 2 h')
    """
    whole = max(1, -int(-seconds // 1))
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join(part for part in parts[:2] if not part.startswith("0 "))
