"""Each thing that a machine may lack is a finding with its verdict and its remedy."""

import json
import os
import resource
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from cluster.doctor.machine import (
    GIB,
    check_address,
    check_home,
    check_limits,
    check_loopback,
    check_machine,
    check_memory,
    check_room,
)
from tests.nodes import free_port


@pytest.mark.parametrize(
    ("limit", "verdict", "remedy"),
    [
        (resource.RLIM_INFINITY, "ok", ""),
        (4 * GIB, "problem", "ulimit -v 33554432"),
        (16 * GIB, "warning", "ulimit -v 33554432"),
        (64 * GIB, "ok", ""),
    ],
)
def test_a_low_limit_of_address_space(
    limit: int, verdict: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda number: (limit, limit))
    finding = check_limits()[0]
    assert (finding.name, finding.verdict) == ("address space", verdict)
    assert remedy in finding.remedy
    assert finding.code == (2 if verdict == "problem" else 0)


def test_every_limit_that_is_low_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda number: (16, 16))
    findings = check_limits()
    assert {one.verdict for one in findings} == {"problem"}
    options = [one.remedy.split("ulimit ")[1].split()[0] for one in findings]
    assert options == ["-v", "-n", "-u", "-f", "-t"]


@pytest.mark.parametrize(
    ("free", "given", "verdict"),
    [
        (8 * GIB, "", "ok"),
        (GIB, "", "warning"),
        (GIB // 4, "", "problem"),
        (8 * GIB, "1024", "warning"),
    ],
)
def test_little_memory(
    free: int, given: str, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=free))
    monkeypatch.setenv("SLURM_MEM_PER_NODE", given)
    finding = check_memory()
    assert finding.verdict == verdict
    assert ("repsim plan" in finding.remedy) == (verdict != "ok")


@pytest.mark.parametrize(
    ("free", "verdict"), [(8 * GIB, "ok"), (GIB, "warning"), (2**20, "problem")]
)
def test_little_room(
    free: int, verdict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    finding = check_room("temporary folder", tmp_path, "Set TMPDIR.")
    assert finding.verdict == verdict
    assert finding.remedy == ("" if verdict == "ok" else "Set TMPDIR.")
    assert finding.code == (4 if verdict == "problem" else 0)


def test_no_room_for_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = SimpleNamespace(
        f_files=10**6, f_favail=3, f_frsize=4096, f_blocks=10**9, f_bavail=10**9, f_bfree=10**9
    )
    monkeypatch.setattr(os, "statvfs", lambda folder: few)
    finding = check_room("temporary folder", tmp_path, "Set TMPDIR.")
    assert (finding.verdict, "room for 3 more files" in finding.found) == ("problem", True)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    finding = check_room("temporary folder", tmp_path / "no", "Set TMPDIR.")
    assert (finding.verdict, finding.remedy) == ("problem", "Set TMPDIR.")
    assert "cannot be written" in finding.found


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB, which is full."""
    folder = tmp_path / "full"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(["mount", *options], capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a disk")
    try:
        (folder / "filler").write_bytes(bytes(60 * 1024))
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_full(full: Path) -> None:
    finding = check_room("temporary folder", full, "Set TMPDIR.")
    assert (finding.verdict, finding.code) == ("problem", 4)


def test_little_shared_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=64 * 2**20))
    findings = {one.name: one for one in check_machine([])}
    assert findings["shared memory"].verdict == "warning"
    assert "--shm-size" in findings["shared memory"].remedy


def test_a_home_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "no"))
    finding = check_home()
    assert (finding.verdict, finding.code) == ("problem", 2)
    assert "Set HOME" in finding.remedy


def test_a_user_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".config" / "repsim" / "config.toml").mkdir(parents=True)
    finding = check_home()
    assert finding.verdict == "problem"
    assert "config.toml" in finding.found


def test_a_home_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert check_home().verdict == "ok"
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    finding = check_home()
    assert (finding.verdict, "cannot be written" in finding.found) == ("warning", True)


def test_a_machine_without_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_loopback().verdict == "ok"

    def refused(*arguments: object) -> None:
        raise OSError("Cannot assign requested address")

    monkeypatch.setattr(socket, "create_server", refused)
    finding = check_loopback()
    assert (finding.verdict, finding.code) == ("problem", 4)
    assert "--engine inline" in finding.remedy


def test_an_address_at_which_somebody_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        here = f"127.0.0.1:{server.getsockname()[1]}"
        file = tmp_path / "scheduler.json"
        file.write_text(json.dumps({"address": f"tcp://{here}"}))
        for address in (here, f"tcp://{here}", f"ray://{here}", f"file:{file}"):
            assert check_address(address).verdict == "ok"


def test_an_address_at_which_nobody_listens() -> None:
    finding = check_address(f"tcp://127.0.0.1:{free_port()}")
    assert (finding.verdict, finding.code) == ("problem", 4)
    assert finding.found.startswith("nobody answers")
    assert "firewall" in finding.remedy


@pytest.mark.parametrize("address", ["host", "tcp://host", "tcp://host:port", "tcp://:8786"])
def test_what_is_no_address(address: str) -> None:
    finding = check_address(address)
    assert (finding.verdict, finding.code) == ("problem", 2)


@pytest.mark.parametrize("content", [None, "", "[]", "{}"])
def test_a_file_that_is_of_no_scheduler(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    if content is not None:
        file.write_text(content)
    finding = check_address(f"file:{file}")
    assert finding.verdict == "problem"
    assert "is no file of a scheduler" in finding.found
