"""What the verbs share: consoles, the options of a study, the log, and how errors are said."""

import contextlib
import io
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.logging import RichHandler
from rich.table import Table

from workflows.shipped import study_path
from workflows.terminal import PlainLines, Terminal, json_text

__all__ = [
    "IN_DOUBT",
    "JsonOption",
    "LogFormat",
    "Overrides",
    "StoreOption",
    "StudyFile",
    "columns",
    "complain",
    "console",
    "errors",
    "log_console",
    "say",
    "say_json",
    "start_log",
    "unwritten_output",
]

# In a file or a pipe nothing is cut or wrapped: names in a table are for other programs, too.
PIPED_WIDTH = 100_000

if sys.stdout is None:  # closed by whoever started this
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - for as long as the process lives
if sys.stderr is None:
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123

for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # Latin-1 and ASCII have no ε

console = Terminal(width=None if sys.stdout.isatty() else PIPED_WIDTH)
errors = Terminal(stderr=True)

# Of layers that cannot be captured as things are.
IN_DOUBT = (
    "it is not certain on which axis such a layer has its channels. The study settles it: "
    '[capture.axes] "NAME" = "first" or "last".'
)

StudyFile = Annotated[
    Path,
    typer.Argument(
        metavar="STUDY",
        help="The study file, STUDY.toml; or the name of a study that ships, such as digits.",
        show_default=False,
        callback=study_path,
    ),
]


def _usual_store(context: typer.Context, store: str) -> str:
    """The store of the user's file or of REPSIM_STORE, where none is named."""
    from cluster.profile import load_profile

    source = context.get_parameter_source("store")
    named = source is not None and source.name == "COMMANDLINE"
    return store if named else load_profile("local").store or store


StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        metavar="FOLDER|URL",
        help="Where everything that is made is kept: a folder, or s3://bucket/prefix, gs://..., "
        "az://... with credentials from the environment.",
        callback=_usual_store,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a value of the study, as in --set training.epochs=3 "
        "--set 'seeds=[0,1,2,3]'. Can be given several times.",
        show_default=False,
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object instead, for other programs.")
]

LogFormat = Literal["auto", "plain", "json"]

# What every record has, and `extra` does not add.
RECORD_FIELDS = {*vars(logging.makeLogRecord({})), "message", "asctime"}


class JsonLines(logging.Formatter):
    """One JSON object for each record: time, level, message, what `extra` added, and errors."""

    def format(self, record: logging.LogRecord) -> str:
        """The object, on one line."""
        added = {
            name: value
            for name, value in vars(record).items()
            if name not in RECORD_FIELDS and not name.startswith("_")  # Ray adds one of its own
        }
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
            **added,
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json_text(line)


def start_log(log_format: LogFormat = "auto") -> None:
    """Lines of our own on stderr: bare on a terminal, dated in a log. Engines stay quiet."""
    log = logging.getLogger("repsim")
    log.setLevel(logging.INFO)
    log.propagate = False
    if log_format == "auto" and errors.is_terminal:
        handler: logging.Handler = RichHandler(
            console=errors, show_time=False, show_path=False, show_level=False
        )
    else:
        handler = logging.StreamHandler()
        plain = PlainLines("%(asctime)s %(levelname)s %(message)s")
        handler.setFormatter(JsonLines() if log_format == "json" else plain)
    log.handlers = [handler]
    # Warnings of libraries, which would otherwise come as bare text.
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.captureWarnings(True)


def log_console(log_format: LogFormat) -> Terminal:
    """Where progress goes: bars need a terminal, and a log that is no file of lines."""
    return errors if log_format == "auto" else Terminal(file=sys.stderr, force_terminal=False)


def complain(message: str, **fields: object) -> None:
    """Say on stderr what is wrong; one JSON object where the log is in JSON."""
    log = logging.getLogger("repsim")
    if any(isinstance(handler.formatter, JsonLines) for handler in log.handlers):
        log.error(message, extra=fields)
    else:
        with contextlib.suppress(OSError):  # the exit code still says it
            errors.print(message, highlight=False, soft_wrap=True)


def unwritten_output(*, more: str = "") -> OSError | None:
    """Why what was printed on stdout, and `more`, cannot be written; None where it was.

    What is left of it is dropped, or Python would fail with it once more when it ends.
    """
    problem = None
    try:
        sys.stdout.write(more)
        sys.stdout.flush()
    except OSError as raised:
        problem = raised
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    # The reader of a pipe may have seen enough.
    return None if isinstance(problem, BrokenPipeError) else problem


def say(message: str) -> None:
    """A line on stdout as it is: no markup, no colours, no wrapping."""
    console.print(message, highlight=False, soft_wrap=True)


def say_json(value: Mapping[str, object]) -> None:
    """One JSON object on stdout."""
    typer.echo(json_text(value, indent=2))


def columns(*names: str, words: int = 1) -> Table:
    """A table without lines, of which all but the first columns, `words` many, hold numbers.

    A terminal too narrow for it breaks names, and cuts none.
    """
    table = Table(*names, box=None, pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    for column in table.columns[words:]:
        column.justify = "right"
    return table
