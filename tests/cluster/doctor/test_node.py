"""Whatever hangs or breaks on a node is a finding, and the others are there all the same."""

import subprocess
import threading
from pathlib import Path

import pytest

from cluster.doctor import inspect_node
from cluster.doctor.finding import Finding
from cluster.doctor.node import LIMITS


def by_name(location: Path, **options: object) -> dict[str, Finding]:
    """What is found on this node, by name."""
    report = inspect_node(str(location), None, **options)  # type: ignore[arg-type]
    return {one.name: one for one in report.findings}


def test_what_hangs_is_ended(tmp_path: Path) -> None:
    found = by_name(tmp_path, gpus=False, limits=dict.fromkeys(LIMITS, 0.01))
    for group in LIMITS:
        assert (found[group].verdict, found[group].code) == ("problem", 4)
        assert found[group].found == "no answer within 0 seconds"
        assert found[group].remedy.startswith("What does it wait for: a ")
    assert found["python"].verdict == "ok"


def test_a_torch_that_cannot_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('libcudart.so: cannot open')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    report = inspect_node(str(tmp_path / "runs"), None, gpus=False)
    found = {one.name: one for one in report.findings}
    broken = found["processors"]
    assert (broken.verdict, broken.code) == ("problem", 2)
    assert broken.found.endswith("(exit code 1): ImportError: libcudart.so: cannot open")
    assert report.gpus == 0
    assert (found["store"].verdict, found["torch"].verdict) == ("ok", "ok")


def test_a_machine_that_starts_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object, **options: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refused)
    found = by_name(tmp_path, gpus=None)
    assert "processors" not in found
    for group in ("machine", "store"):
        assert (found[group].verdict, found[group].code) == ("problem", 2)
        assert "no process can be started" in found[group].found


def test_a_machine_that_starts_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    found = by_name(tmp_path, gpus=False)
    assert (found["processes"].verdict, found["processes"].code) == ("problem", 2)
    assert found["processes"].found == "can't start new thread"
    assert found["python"].verdict == "ok"
