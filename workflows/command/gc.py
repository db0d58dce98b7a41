"""repsim gc"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal

from workflows.command.output import (
    JsonOption,
    StoreOption,
    columns,
    console,
    say,
    say_json,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from repsim.store import Store
    from workflows.garbage import Garbage

__all__ = ["gc"]

# Of a key; enough to find the folder.
SHOWN_DIGITS = 12


def gc(
    store: StoreOption = "runs",
    yes: Annotated[
        bool, typer.Option("--yes", help="Remove what is listed. Without it nothing is removed.")
    ] = False,
    older_than: Annotated[
        float,
        typer.Option(
            metavar="DAYS",
            min=0.0,
            help="Leave alone what was never finished and is younger than this: a worker that "
            "outlived its run may still be writing it.",
        ),
    ] = 1.0,
    as_json: JsonOption = False,
) -> None:
    """List what no study refers to any more, and remove it with --yes.

    That is: results that no study below studies/ was last run with, what was never finished, and
    checkpoints of networks that are trained. Delete a study's folder to let its results go. Nothing
    is removed while a study is being run (exit code 6), nor where it cannot be known what a study
    refers to (5).
    """
    from repsim.store import Store
    from workflows.garbage import find_garbage, remove_garbage

    target = Store(store)
    act = remove_garbage if yes else find_garbage
    found = act(target, older_than=timedelta(days=older_than))
    show = _show_json if as_json else _show
    show(target, found, removed=yes)


def _show(store: "Store", found: "Sequence[Garbage]", *, removed: bool) -> None:
    if not found:
        say(f"Nothing to remove in {store.location}.")
        return
    table = columns("kind", "key", "why", "size", "age", words=3)
    for one in found:
        table.add_row(
            one.kind, one.key[:SHOWN_DIGITS], one.why, decimal(one.bytes), _age(one.modified)
        )
    console.print(table)
    total = decimal(sum(one.bytes for one in found))
    done = "Removed." if removed else "Nothing is removed: --yes does it."
    say(f"{len(found)} in all, {total} in {store.location}. {done}")


def _age(modified: datetime) -> str:
    """``3 h``: in the largest unit that fits."""
    seconds = max(0.0, (datetime.now(UTC) - modified).total_seconds())
    for name, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} s"


def _show_json(store: "Store", found: "Sequence[Garbage]", *, removed: bool) -> None:
    say_json(
        {
            "store": store.location,
            "removed": removed,
            "bytes": sum(one.bytes for one in found),
            "garbage": [
                {
                    "kind": one.kind,
                    "key": one.key,
                    "why": one.why,
                    "bytes": one.bytes,
                    "modified": one.modified.isoformat(timespec="seconds"),
                    "files": [file.path for file in one.files],
                }
                for one in found
            ],
        }
    )
