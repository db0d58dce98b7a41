"""repsim status"""

import signal
import time
from typing import TYPE_CHECKING, Annotated

import typer

from workflows.command.output import (
    JsonOption,
    Overrides,
    StoreOption,
    StudyFile,
    console,
    say,
    say_json,
)

if TYPE_CHECKING:
    from workflows.watch import Look, Watch

__all__ = ["status"]

# Between two looks, where the user does not say: a folder answers at once, a bucket is asked over
# a network, and each answer may cost something.
FOLDER_SECONDS = 2.0
BUCKET_SECONDS = 10.0
LEAST_SECONDS = 0.1
MOST_SECONDS = 86400.0
# A look that takes long is followed by a pause so many times as long.
PAUSE_PER_LOOK = 4.0


def status(
    study_file: StudyFile,
    seconds: Annotated[
        str | None,
        typer.Argument(
            metavar="SECONDS",
            help="With --watch: the pause between two looks. 2 where the store is a folder, 10 for "
            "a bucket.",
            show_default=False,
        ),
    ] = None,
    store: StoreOption = "runs",
    overrides: Overrides = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Look again and again until the study is complete; Ctrl-C ends the watch, not the "
            "study. On a terminal the table is redrawn, elsewhere it is printed when it has "
            "changed: with --json one object on each line.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say how far a study is, also while it runs: per stage, and the last errors.

    Done, missing, partial (begun: a checkpoint, part of the moments), corrupt (its marker cannot
    be read), failed (in the last run). `repsim verify` looks at the files themselves.

    `repsim status STUDY.toml --watch 5` follows it, every 5 seconds, from any machine that reaches
    the store.
    """
    pause = _pause(seconds, watch=watch)

    from repsim.store import Store
    from repsim.study import load_study
    from workflows.command.status_table import as_object
    from workflows.plan import plan_study
    from workflows.state import survey_study
    from workflows.stopping import Interrupted
    from workflows.watch import Watch, look_at

    target = Store(store)
    planned = plan_study(load_study(study_file, overrides or ()), target)
    if watch:
        pause = pause or (FOLDER_SECONDS if target.is_local else BUCKET_SECONDS)
        try:
            if as_json or not console.is_terminal:
                _print_changes(Watch(planned, target), pause, as_json=as_json)
            else:
                _redraw(Watch(planned, target), pause)
        except Interrupted as end:
            if end.number != signal.SIGINT:
                raise
        return
    look = look_at(survey_study(planned, target))
    if as_json:
        say_json(as_object(look))
    else:
        _print(look)
        for line in planned.accepted_code:
            say(line)


def _pause(text: str | None, *, watch: bool) -> float | None:
    """The seconds between two looks that were asked for."""
    from repsim.errors import StudyError

    if text is None:
        return None
    if not watch:
        raise StudyError(f"Expected seconds with --watch alone. Got {text!r} without it.")
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        raise StudyError(
            f"Expected seconds between two looks, from {LEAST_SECONDS:g} to {MOST_SECONDS:g}, as "
            f"in --watch 5. Got {text!r}."
        )
    return seconds


def _redraw(watch: "Watch", pause: float) -> None:
    """One table on the terminal, kept up to date until the study is complete."""
    from rich.live import Live

    from workflows.command.status_table import screen

    with Live(console=console, auto_refresh=False) as live:
        while True:
            began = time.monotonic()
            look = watch.look()
            live.update(screen(look, pause, height=console.height), refresh=True)
            if look.is_complete or console.quiet:  # or nobody reads any more
                return
            _sleep(pause, began)


def _print_changes(watch: "Watch", pause: float, *, as_json: bool) -> None:
    """The table, or one JSON object on a line, each time something of it has changed."""
    from datetime import UTC, datetime

    from workflows.command.status_table import as_object, paced
    from workflows.terminal import json_text

    last: dict[str, object] = {}
    while True:
        began = time.monotonic()
        look = watch.look()
        now = as_object(look)
        if now != last:
            last = now
            at = datetime.now(UTC).isoformat(timespec="seconds")
            if as_json:
                typer.echo(json_text({"time": at, **paced(look)}))
            else:
                say(f"{at} {look.study} in {look.store.location}")
                _print(look)
        if look.is_complete or console.quiet:  # or nobody reads any more
            return
        _sleep(pause, began)


def _print(look: "Look") -> None:
    from workflows.command.status_table import numbers, remarks

    console.print(numbers(look))
    for line in remarks(look):
        say(line)


def _sleep(pause: float, began: float) -> None:
    """Wait: at least four times as long as the look took, so that watching costs little."""
    time.sleep(max(pause, PAUSE_PER_LOOK * (time.monotonic() - began)))
