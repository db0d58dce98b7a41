"""The command as it is typed, in this process: fast, and with its exit code."""

import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from workflows.command import main


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a command ended, and what it said, with its lines joined."""

    code: int
    out: str
    err: str


@pytest.fixture
def log_as_before() -> Iterator[None]:
    """A run directs the log of repsim to its stderr."""
    log = logging.getLogger("repsim")
    before = log.handlers, log.level, log.propagate
    yield
    log.handlers, log.level, log.propagate = before


@pytest.fixture
def repsim(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], log_as_before: None
) -> Callable[..., Ran]:
    """`repsim` with these arguments."""

    def call(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["repsim", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code: object = 0
        except SystemExit as end:
            code = end.code or 0
        assert isinstance(code, int)
        said = capsys.readouterr()
        return Ran(code=code, out=" ".join(said.out.split()), err=" ".join(said.err.split()))

    return call
