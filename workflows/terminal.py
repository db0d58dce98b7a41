"""Text on its way to a terminal: what could steer the terminal is written as an escape instead.

Names, errors and paths come from files, models and workers. A control character in one of them
could move the cursor, rename the window or hide the rest of a line.
"""

import json
import logging
import os
import re
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

__all__ = ["PlainLines", "Terminal", "json_text", "one_line", "visible"]

# Controls but for tab and newline; separators and marks that change lines or the direction of text
# (Unicode TR 9, https://trojansource.codes); halves of surrogate pairs, which no encoding takes.
STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def visible(text: str) -> str:
    r"""Text in which characters that steer a terminal stand as escapes; tab and newline stay.

    >>> print(visible("red: \x1b[31m, back: \u202e"))
    red: \x1b[31m, back: \u202e
    """
    return STEERING.sub(lambda match: ascii(match[0])[1:-1], text)


def one_line(text: str) -> str:
    r"""As `visible`, with newlines as escapes too.

    >>> print(one_line("first\nsecond"))
    first\nsecond
    """
    return visible(text).replace("\n", "\\n")


def json_text(value: object, *, indent: int | None = None) -> str:
    r"""JSON that any terminal can show; reading it gives the same value.

    >>> print(json_text({"ε": "\x9b31m"}))
    {"ε": "\u009b31m"}
    """
    text = json.dumps(value, indent=indent, ensure_ascii=False, default=str)
    return STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


class Terminal(Console):
    """A console for text of any origin: no markup in it is followed, no control reaches the end."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def on_broken_pipe(self) -> None:
        """Say no more, and go on: whoever stops to read ends no run, and changes no exit code."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)

    def render_str(self, text: str, **options: Any) -> Text:
        """Text as it is shown, of which columns then know the width."""
        return super().render_str(visible(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Segments of text that is shown as it is, and those that rich itself steers by."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(visible(segment.text), segment.style)


class PlainLines(logging.Formatter):
    """Dated lines of a log, in which further lines of a message are indented."""

    def format(self, record: logging.LogRecord) -> str:
        """The record, of which only the first line can be taken for one."""
        return visible(super().format(record)).replace("\n", "\n    ")
