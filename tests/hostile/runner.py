"""A row of the table: what is tried, and how it has to end; and the process that tries it."""

import codecs
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from unittest.mock import patch

from tests.conftest import TINY_STUDY
from tests.faults.forks import fork
from workflows.command import main

__all__ = ["Ended", "Row", "attempt"]

# Of user and group "nobody".
NOBODY = 65534
SECONDS = 120.0
STILL = 0.02


@dataclass(frozen=True, kw_only=True)
class Row:
    """One attempt. Everything is below a folder of its own, in which the command is started."""

    name: str
    command: str
    """Arguments of `repsim`, as in a shell. ``study.toml`` is the tiny study."""
    code: int
    """With which it has to end."""
    says: tuple[str, ...] = ()
    """Words that stdout and stderr together must have."""
    never: tuple[str, ...] = ()
    """Words that they must not have, beside those of every row."""
    study: Mapping[str, str] = field(default_factory=dict)
    """What is put in place of what in the tiny study."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Further files by path, or other content of ``study.toml``."""
    shell: str = ""
    """Lines of shell before the command."""
    finished: bool = False
    """Whether ``runs`` holds the finished study, else it does not exist."""
    environment: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[int, int] = field(default_factory=dict)
    """As in ``{resource.RLIMIT_NOFILE: 64}``."""
    stdout: str = ""
    """File that stdout goes to: ``/dev/full``."""
    nobody: bool = False
    """Whether the command runs as another user, who owns the folder and cannot read root's."""
    signals: tuple[signal.Signals, ...] = ()
    """Sent one after the other, once `when` has been said."""
    when: str = ""
    fresh: bool = False
    """Whether in an interpreter of its own, not one forked with all imports: slower by seconds."""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended, and all that it said."""

    code: int | None
    """None where it had to be killed."""
    said: str


def attempt(row: Row, folder: Path, finished: Path) -> Ended:
    """Do what a row says in `folder`; `finished` is the store of the finished study."""
    _furnish(row, folder, finished)
    said = folder.parent / "said.txt"
    said.touch()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        **row.environment,
    }
    if row.fresh:
        code = _fresh(row, folder, said, environment)
    else:
        code = _forked(row, folder, said, environment)
    return Ended(code=code, said=said.read_text(errors="replace"))


def _furnish(row: Row, folder: Path, finished: Path) -> None:
    for name in ("", "home", "tmp"):
        (folder / name).mkdir()
    text = TINY_STUDY
    for usual, here in row.study.items():
        assert usual in text, f"{usual!r} is not in the tiny study"
        text = text.replace(usual, here)
    for path, content in {"study.toml": text.encode(), **row.files}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    if row.finished:
        shutil.copytree(finished, folder / "runs")
    if row.shell:
        subprocess.run(["bash", "-ec", row.shell], cwd=folder, check=True, timeout=30)
    if row.nobody:
        for parent, _, names in os.walk(folder):
            for name in (".", *names):
                os.chown(Path(parent, name), NOBODY, NOBODY, follow_symlinks=False)


def _forked(row: Row, folder: Path, said: Path, environment: Mapping[str, str]) -> int | None:
    process = fork(_command, row, folder, said, dict(environment))
    assert process.pid is not None
    _send(row, process.pid, said, process)
    process.join(SECONDS)
    if process.exitcode is None:
        process.kill()
        process.join()
        return None
    return process.exitcode


def _command(row: Row, folder: Path, said: Path, environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    _redirect(row, said)
    os.chdir(folder)
    _restrict(row)
    with patch.object(sys, "argv", ["repsim", *shlex.split(row.command)]):
        main()


def _fresh(row: Row, folder: Path, said: Path, environment: Mapping[str, str]) -> int | None:
    def before() -> None:
        _redirect(row, said)
        _restrict(row)

    process = subprocess.Popen(
        [sys.executable, "-m", "workflows.command", *shlex.split(row.command)],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.DEVNULL,
        preexec_fn=before,  # noqa: PLW1509
    )
    _send(row, process.pid, said, process)
    try:
        return process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None


def _redirect(row: Row, said: Path) -> None:
    with said.open("ab") as output:
        os.dup2(output.fileno(), 2)
        if row.stdout:
            descriptor = os.open(row.stdout, os.O_WRONLY)
            os.dup2(descriptor, 1)
            os.close(descriptor)
        else:
            os.dup2(output.fileno(), 1)


def _restrict(row: Row) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
    if row.nobody:
        codecs.lookup("utf-8-sig")  # the other user may not be able to read the interpreter's files
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    for number, limit in row.limits.items():
        resource.setrlimit(number, (limit, limit))


def _send(row: Row, pid: int, said: Path, process: BaseProcess | subprocess.Popen[bytes]) -> None:
    """Send the signals of a row once it has said what they wait for."""
    deadline = time.monotonic() + SECONDS
    for number in row.signals:
        while not re.search(row.when, said.read_text(errors="replace")):
            ended = process.poll() if isinstance(process, subprocess.Popen) else process.exitcode
            if ended is not None or time.monotonic() > deadline:
                return
            time.sleep(STILL)
        os.kill(pid, number)
