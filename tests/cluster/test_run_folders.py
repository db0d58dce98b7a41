"""Folders of runs: gone with their run, or with the next one where it was killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.run_folders import run_folder

HOLDER = """
import sys, time
from pathlib import Path
from cluster.run_folders import run_folder
with run_folder("repsim-x-", Path(sys.argv[1])) as folder:
    print(folder, flush=True)
    time.sleep(600)
"""


def test_a_folder_is_private_and_removed(tmp_path: Path) -> None:
    with run_folder("repsim-x-", tmp_path) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "inside").mkdir()
    assert not list(tmp_path.iterdir())


def test_only_the_folder_of_a_dead_run_is_removed(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    left = Path(holder.stdout.readline().strip())
    others = [tmp_path / "repsim-x-about-to-lock", tmp_path / "another"]
    for other in others:
        other.mkdir()
    with run_folder("repsim-x-", tmp_path):
        assert left.is_dir()
    holder.kill()
    holder.communicate()
    with run_folder("repsim-x-", tmp_path):
        assert not left.exists()
    assert all(other.is_dir() for other in others)


def test_the_folder_of_another_user_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "repsim-x-theirs"
    theirs.mkdir()
    (theirs / "run.lock").touch()
    with monkeypatch.context() as patch:
        patch.setattr(os, "getuid", lambda: theirs.stat().st_uid + 1)
        with run_folder("repsim-x-", tmp_path):
            assert theirs.is_dir()
    with run_folder("repsim-x-", tmp_path):
        assert not theirs.exists()
