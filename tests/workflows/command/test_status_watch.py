"""`repsim status --watch` follows a study until it is complete, on a terminal and in a log."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from repsim.stages.report import consolidate
from repsim.store import Artifact, Checkpoints, Store
from repsim.study import load_study
from tests.conftest import MadeStudy
from tests.runs import finish, run, start
from tests.s3_server import BUCKET, S3Server
from tests.workflows.command.conftest import Ran
from workflows.command.status_table import numbers, remarks, screen
from workflows.plan import plan_study
from workflows.watch import Watch

Repsim = Callable[..., Ran]


def follow_a_run(study: Path, store: str) -> list[dict[str, object]]:
    """What a watch says of a study that is run, from nothing to the report, while it looks."""
    watch = start("status", study, "--watch", "0.2", "--store", store, "--json")
    run("run", study, "--store", store, "--engine", "inline")
    output = finish(watch)
    assert watch.returncode == 0, output
    return [json.loads(line) for line in output.splitlines()]


def assert_followed(said: list[dict[str, object]]) -> None:
    """Every line tells something new, and the last that the study is complete."""
    seen = [{name: value for name, value in one.items() if name != "time"} for one in said]
    assert all(a != b for a, b in pairwise(seen))
    assert [one["complete"] for one in said[:-1]] == [False] * (len(said) - 1)
    assert said[-1]["complete"] is True
    stages = said[-1]["stages"]
    assert isinstance(stages, list)
    assert all(stage["done"] == stage["total"] for stage in stages)
    assert all(stage["seconds_left"] is None for stage in stages)


def test_it_ends_when_the_study_is_complete(study_file: Path, tmp_path: Path) -> None:
    assert_followed(follow_a_run(study_file, str(tmp_path / "runs")))


def test_it_works_on_a_bucket(server: S3Server, study_file: Path) -> None:
    said = follow_a_run(study_file, f"s3://{BUCKET}/watched")
    assert_followed(said)
    assert len(said) > 1, "it ended before it could see the study change"


class Terminal:
    """A command on a terminal of 30 lines of 100 columns."""

    def __init__(self, *arguments: str | Path) -> None:
        self.master, slave = pty.openpty()
        self.shown = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workflows.command", *map(str, arguments)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"},
            start_new_session=True,
        )
        os.close(slave)

    def read_until(self, text: str, seconds: float = 60) -> None:
        """Read what is shown until it holds `text`."""
        until = time.monotonic() + seconds
        while text not in self.shown:
            assert time.monotonic() < until, self.shown
            self._read()

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self.process.poll() is None:
            self._read()
        self._read()
        os.close(self.master)
        return self.process.returncode

    def _read(self) -> None:
        if select.select([self.master], [], [], 0.1)[0]:
            try:
                self.shown += os.read(self.master, 65536).decode(errors="replace")
            except OSError:  # its other end is closed
                time.sleep(0.01)


def lines_of(shown: str) -> list[str]:
    """The lines that a terminal was sent, without colours and movements."""
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    return [line.rstrip() for line in plain.replace("\r", "\n").split("\n") if line.strip()]


def test_on_a_terminal_it_is_redrawn_and_ends_with_the_study(made_copy: MadeStudy) -> None:
    store, plan = made_copy.store, made_copy.plan
    terminal = Terminal("status", made_copy.file, "--watch", "0.2", "--store", store.root)
    terminal.read_until("Ctrl-C ends the watch, not the study.")
    consolidate(store, plan, {})
    assert terminal.end() == 0
    lines = lines_of(terminal.shown)
    assert lines[0] == f"tiny in {store.location}"
    assert any(re.fullmatch(r"report +━+ +0/1", line) for line in lines)
    assert any(re.fullmatch(r"report +━+ +1/1", line) for line in lines)
    assert lines[-1].startswith("Complete at ")
    # Moved up over what stood there, and never the whole screen cleared.
    assert "\x1b[1A" in terminal.shown
    assert "\x1b[2J" not in terminal.shown


def test_ctrl_c_ends_it_with_0(made_copy: MadeStudy) -> None:
    terminal = Terminal("status", made_copy.file, "--watch", "--store", made_copy.store.root)
    terminal.read_until("again every 2 s")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 0
    assert "Traceback" not in terminal.shown


def test_in_a_log_the_table_is_printed_when_it_changed(made_copy: MadeStudy) -> None:
    store, plan = made_copy.store, made_copy.plan
    place = made_copy.file.parent / "watched.log"
    with place.open("w") as log:
        arguments = ("status", str(made_copy.file), "--watch", "0.1", "--store", str(store.root))
        watch = subprocess.Popen(
            [sys.executable, "-m", "workflows.command", *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        until = time.monotonic() + 60
        while "report" not in place.read_text():
            assert time.monotonic() < until
            time.sleep(0.05)
        time.sleep(1.0)  # some looks at which nothing has changed
        consolidate(store, plan, {})
        assert watch.wait(60) == 0
    text = place.read_text()
    assert re.findall(r"^report +(\d) +(\d)", text, flags=re.M) == [("0", "1"), ("1", "0")]
    assert text.count(f" tiny in {store.location}\n") == 2


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "nan", "inf", "1e9"])
def test_seconds_that_are_none_are_refused(repsim: Repsim, study_file: Path, seconds: str) -> None:
    ran = repsim("status", study_file, "--watch", "--", seconds)
    assert ran.code == 2
    assert "Expected seconds between two looks, from 0.1 to 86400, as in --watch 5." in ran.err
    assert f"Got {seconds!r}." in ran.err


def test_seconds_without_a_watch_are_refused(repsim: Repsim, study_file: Path) -> None:
    ran = repsim("status", study_file, "5")
    assert ran.code == 2
    assert "Expected seconds with --watch alone. Got '5' without it." in ran.err


def test_a_wrong_study_is_one_message_and_2(repsim: Repsim, study_file: Path) -> None:
    ran = repsim("status", study_file, "--watch", "--set", "data.name=digit")
    assert ran.code == 2
    assert "Did you mean 'digits'?" in ran.err


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def without_rows(made: MadeStudy, count: int) -> dict[str, bytes]:
    """Take the rows of some comparisons out of the store; their markers, to be put back."""
    taken = {}
    for spec in made.plan.comparisons[:count]:
        path = f"{spec.folder}/marker.json"
        content = made.store.read(path)
        assert content is not None
        taken[path] = content
        made.store.delete(path)
    return taken


def test_speed_is_measured_from_the_first_change(made_copy: MadeStudy) -> None:
    store, clock = made_copy.store, Clock()
    first, second, third, *_ = without_rows(made_copy, 4).items()
    watch = Watch(made_copy.plan, store, clock)
    assert watch.look().paces == {}
    clock.now = 1000.0  # nothing of it has begun
    store.write(*first)
    assert watch.look().paces == {}
    clock.now = 1010.0
    store.write(*second)
    pace = watch.look().paces["matches"]
    assert (pace.per_second, pace.seconds_left) == (pytest.approx(0.1), pytest.approx(20.0))
    clock.now = 1040.0
    store.write(*third)
    pace = watch.look().paces["matches"]
    assert (pace.per_second, pace.seconds_left) == (pytest.approx(0.05), pytest.approx(20.0))


def test_a_network_in_training_has_a_speed_of_its_own(study_file: Path, tmp_path: Path) -> None:
    plan = plan_study(load_study(study_file, ["training.epochs=10"]))
    store, clock = Store(str(tmp_path / "runs")), Clock()
    checkpoints = Checkpoints(store, plan.networks[1].key)
    watch = Watch(plan, store, clock)
    for epoch in (1, 2):
        checkpoints.save(b"%d" % epoch, epoch=epoch)
        assert watch.look().paces == {}, "one change tells of no speed"
        clock.now += 60.0
    checkpoints.save(b"3", epoch=3)
    look = watch.look()
    assert [one.epoch for one in look.begun] == [3]
    pace = look.paces["seed 1"]
    assert (pace.per_second * 60, pace.seconds_left / 60) == (pytest.approx(1), pytest.approx(8))


def test_a_look_asks_only_for_what_was_missing(
    made_copy: MadeStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = made_copy.store
    ((path, content),) = without_rows(made_copy, 1).items()
    watch = Watch(made_copy.plan, store)
    asked: list[str] = []
    read = Store.read

    def spy(store: Store, path: str) -> bytes | None:
        asked.append(path)
        return read(store, path)

    monkeypatch.setattr(Store, "read", spy)
    assert not watch.look().is_complete
    assert len([one for one in asked if one.endswith("marker.json")]) > 20
    asked.clear()
    assert not watch.look().is_complete
    assert [one for one in asked if one.endswith("marker.json")] == [path]
    store.write(path, content)
    consolidate(store, made_copy.plan, {})
    assert watch.look().is_complete


def test_what_was_removed_meanwhile_is_seen_before_it_is_called_complete(
    made_copy: MadeStudy,
) -> None:
    store, clock = made_copy.store, Clock()
    consolidate(store, made_copy.plan, {})
    ((path, content),) = without_rows(made_copy, 1).items()
    watch = Watch(made_copy.plan, store, clock)
    assert not watch.look().is_complete
    damaged = Artifact.at(store, made_copy.plan.comparisons[3].folder)
    marker = store.read(damaged.marker_path)
    assert marker is not None
    store.delete(damaged.marker_path)
    store.write(path, content)
    look = watch.look()
    assert not look.is_complete
    assert {stage.name: stage.missing for stage in look.stages}["matches"] == 1
    store.write(damaged.marker_path, marker)
    assert watch.look().is_complete


def test_a_screen_fits_and_says_what_it_leaves_out(made_copy: MadeStudy) -> None:
    store = made_copy.store
    for spec in made_copy.plan.networks:
        store.delete(spec.artifact(store).marker_path)
        Checkpoints(store, spec.key).save(b"an epoch", epoch=1)
    failures = {f"seed {n}": "Expected finite numbers." for n in range(100, 140)}
    store.write("studies/tiny/run-summary.json", json.dumps({"failures": failures}).encode())
    look = Watch(made_copy.plan, store).look()
    assert len(list(remarks(look))) == 43
    assert numbers(look).row_count == len(look.stages)

    from rich.console import Console

    console = Console(width=80, height=16)
    with console.capture() as capture:
        console.print(screen(look, 2.0, height=16))
    lines = capture.get().splitlines()
    assert len(lines) <= 16
    assert all(len(line.rstrip()) <= 80 for line in lines)
    assert len([line for line in lines if re.search(r" \d+/\d+", line)]) == len(look.stages) + 1
    assert re.search(r"seed 0 +━* +epoch 1/2", capture.get())
    assert "... and 2 more networks in training" in lines
    assert any(re.fullmatch(r"\.\.\. and \d+ more of this kind", line) for line in lines)
