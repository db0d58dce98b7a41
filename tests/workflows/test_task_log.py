"""`--task-log`: a whole line for each task, whatever becomes of the run."""

import json
import logging
import os
import platform
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from repsim.errors import StudyError
from repsim.graph import TaskRecord
from repsim.store import Store
from repsim.study import load_study
from tests.faults.publication_points import run_inline
from tests.task_lines import lines, named, times_planned
from workflows.plan import plan_study
from workflows.task_log import task_log

FIELDS = {
    *("time", "task", "of", "host", "process", "seconds", "cpu_seconds"),
    *("bytes_read", "bytes_written", "status"),
}
RECORD = TaskRecord(
    time="2030-01-01T00:00:00.000+00:00",
    task="match",
    of="seed 0 / seed 1, relu, ε=0.5",
    host="node",
    process=1,
    seconds=1.5,
    cpu_seconds=1.0,
    bytes_read=1,
    bytes_written=2,
    status="failed",
    error="two\nlines",
)


def test_a_study_in_one_process_has_a_line_for_each_of_its_tasks(
    study_file: Path, tmp_path: Path
) -> None:
    file, store = tmp_path / "tasks.jsonl", tmp_path / "runs"
    with task_log(str(file)) as recorder:
        assert run_inline(study_file, store, recorder=recorder).exit_code == 0
    found, plan = lines(file), plan_study(load_study(study_file))
    assert named(found) == times_planned(plan)
    assert {line["task"] for line in found} == {
        *("train", "capture", "reduce", "moments", "profile", "replicates", "match"),
    }
    for line in found:
        assert set(line) == FIELDS
        assert (line["host"], line["process"]) == (platform.node(), os.getpid())
        assert line["status"] == "done"
        assert line["seconds"] > 0
        assert line["cpu_seconds"] >= 0
    times = [datetime.fromisoformat(line["time"]) for line in found]
    assert times == sorted(times)
    # Those that publish one artifact, which stays: to the last byte.
    for task, kind in (("capture", "activations"), ("match", "matches"), ("profile", "profiles")):
        written = sum(line["bytes_written"] for line in found if line["task"] == task)
        assert written == sum(Store(str(store)).sizes(kind).values()) > 0, task
    networks = sum(Store(str(store)).sizes("networks").values())
    trainings = [line["bytes_written"] for line in found if line["task"] == "train"]
    assert sum(trainings) > networks  # there were checkpoints
    assert all(line["bytes_read"] > 0 for line in found if line["task"] == "reduce")


def test_what_fails_has_a_line_with_its_error(study_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "tasks.jsonl"
    with task_log(str(file)) as recorder:
        diverging = "training.learning_rate=1e30"
        summary = run_inline(study_file, tmp_path / "runs", diverging, recorder=recorder)
    assert summary.exit_code == 3
    assert {line["of"]: line["error"] for line in lines(file)} == summary.failures
    assert {(line["task"], line["status"]) for line in lines(file)} == {("train", "failed")}


def test_what_is_damaged_fails_and_is_made_again(made_copy, tmp_path: Path) -> None:
    store = made_copy.store
    layer = made_copy.plan.comparisons[0].x
    for path in store.sizes(layer.folder):
        if "/c/" in path:
            store.write(path, b"damaged")
    for kind in ("moments", "matches", "profiles", "measures", "replicates"):
        store.clear(kind)
    file = tmp_path / "tasks.jsonl"
    with task_log(str(file)) as recorder:
        summary = run_inline(made_copy.file, store.root, recorder=recorder)
    assert summary.exit_code == 0
    (failed,) = [line for line in lines(file) if line["status"] == "failed"]
    assert failed["task"] == "reduce"
    assert failed["error"].startswith("Expected activations/")
    captured = [line["of"] for line in lines(file) if line["task"] == "capture"]
    assert captured == [layer.network.label]


def test_lines_are_added_to_a_file_that_is_there(tmp_path: Path) -> None:
    file = tmp_path / "tasks.jsonl"
    for _ in range(2):
        with task_log(str(file)) as recorder:
            assert recorder is not None
            recorder(RECORD)
    assert [line["error"] for line in lines(file)] == ["two\nlines"] * 2
    assert "ε=0.5" in file.read_text()


def test_lines_on_stderr_stand_between_those_of_the_log(tmp_path: Path) -> None:
    program = (
        "import sys; from tests.workflows.test_task_log import RECORD, task_log; "
        "print('before', file=sys.stderr, flush=True); "
        "log = task_log('/dev/stderr'); log.__enter__()(RECORD); log.__exit__(None, None, None); "
        "print('after', file=sys.stderr, flush=True)"
    )
    with (tmp_path / "log").open("wb") as stderr:
        subprocess.run([sys.executable, "-c", program], stderr=stderr, check=True)
    before, line, after = (tmp_path / "log").read_text().splitlines()
    assert (before, json.loads(line)["task"], after) == ("before", "match", "after")


def test_without_a_file_there_is_no_recorder() -> None:
    with task_log("") as recorder:
        assert recorder is None


@pytest.mark.parametrize("place", ["missing/tasks.jsonl", ""])
def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path, place: str) -> None:
    message = r"Expected a file that can be written as the task log. Got .*: (No such|Is a dir).*"
    with pytest.raises(StudyError, match=message), task_log(f"{tmp_path}/{place}"):
        pass


def test_a_disk_that_is_full_ends_the_log_and_not_the_run(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("repsim"), "propagate", True)
    with task_log("/dev/full") as recorder:
        assert recorder is not None
        recorder(RECORD)
        recorder(RECORD)
    assert caplog.text.count("No more lines in the task log /dev/full: ") == 1
