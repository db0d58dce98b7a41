"""What the verbs share: consoles, the options of a study, and how numbers are said."""

import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler

__all__ = ["Overrides", "StoreOption", "StudyFile", "console", "errors", "start_log"]

console = Console()
errors = Console(stderr=True)

StudyFile = Annotated[
    Path, typer.Argument(metavar="STUDY.toml", help="The study file.", show_default=False)
]
StoreOption = Annotated[
    str, typer.Option("--store", metavar="FOLDER", help="Where everything that is made is kept.")
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


def start_log() -> None:
    """Lines of our own on stderr: bare on a terminal, dated in a log. Engines stay quiet."""
    log = logging.getLogger("repsim")
    log.setLevel(logging.INFO)
    log.propagate = False
    if errors.is_terminal:
        handler: logging.Handler = RichHandler(
            console=errors, show_time=False, show_path=False, show_level=False
        )
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.handlers = [handler]
