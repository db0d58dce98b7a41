"""Running the command in a process of its own, as a user does, and reading what it made."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import psutil

from repsim.store import Store


def study_file(folder: Path, *, epochs: int = 2, name: str = "tiny") -> Path:
    """Two small networks on the digits: trained in seconds, five layers to match."""
    path = folder / f"{name}.toml"
    path.write_text(
        f"""
name = "{name}"
seeds = [0, 1]
[data]
name = "digits"
[model]
name = "small_cnn"
[training]
epochs = {epochs}
batch_size = 64
learning_rate = 0.05
[matching]
epsilons = [0.2, 0.5, 0.8]
[[measures]]
name = "cka"
"""
    )
    return path


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """`repsim` with these arguments, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "workflows.command", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )


def finish(process: subprocess.Popen[str], *, seconds: float = 900) -> str:
    """Wait for the end; the output."""
    output, _ = process.communicate(timeout=seconds)
    return output


def run(*arguments: str | Path, expect: int = 0) -> str:
    """Run to the end, check the exit code, return the output."""
    process = start(*arguments)
    output = finish(process)
    assert process.returncode == expect, output
    return output


def wait_for(
    condition: Callable[[], object], process: subprocess.Popen[str], *, seconds: float = 600
) -> None:
    """Wait until the condition holds while the process runs; the limit is for one that hangs."""
    deadline = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None:
            raise AssertionError(f"ended too early:\n{finish(process)}")
        if time.monotonic() > deadline:
            process.kill()
            raise AssertionError(f"waited in vain:\n{finish(process)}")
        time.sleep(0.01)


def descendants(process: subprocess.Popen[str], command: str) -> Iterator[psutil.Process]:
    """Processes below this one whose command line contains `command`."""
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            if command in " ".join(child.cmdline()):
                yield child
        except psutil.Error:
            continue


def kill_all(process: subprocess.Popen[str]) -> None:
    """SIGKILL to the command alone: what it started is left to itself, as after a crash."""
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def downloaded(store: Store, folder: Path) -> Path:
    """A folder with the report of a bucket."""
    for path in store.sizes("studies"):
        content = store.read(path)
        assert content is not None
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def results(store: Path, study: str = "tiny") -> pl.DataFrame:
    """The main table of a report."""
    return pl.read_parquet(store / "studies" / study / "report" / "results.parquet")


def assert_same_results(store: Path, undisturbed: Path) -> None:
    """Every file of the report is equal byte for byte, save for the seconds of epochs."""
    got, expected = (_report(place) for place in (store, undisturbed))
    assert got.keys() == expected.keys()
    assert [name for name in got if got[name] != expected[name]] == []


def _report(store: Path) -> dict[str, bytes]:
    folder = store / "studies/tiny/report"
    # What a killed writer left of a file has a # in its name.
    found = (path for path in folder.rglob("*") if path.is_file() and "#" not in path.name)
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
    timings = pl.read_csv(files.pop("timings.csv"))
    return {**files, "timings.csv": timings.drop("seconds").write_csv().encode()}
