"""Whatever happens to the bytes of a finished store: it is said, and no table is wrong.

The damage is that of `tests.faults.random_damage`, which also kills runs. ``REPSIM_FUZZ=20`` makes
twenty times as many rounds, and other ones.
"""

import json
import os
import shutil
import sys
from pathlib import Path
from random import Random
from unittest.mock import patch

import pytest

from tests.conftest import TINY_STUDY
from tests.faults.forks import fork
from tests.faults.publication_points import run_inline, sketched
from tests.faults.random_damage.harms import harm_a_file
from tests.faults.random_damage.places import Folder
from workflows.command import main

ROUNDS = 8 * int(os.environ.get("REPSIM_FUZZ", "1"))
# Done, out of reach, not what was written.
ENDS = {0, 4, 5}
# Damage that hides behind other damage shows in the next run.
MOST_RUNS = 4
LONGEST = 240.0
TABLE = "studies/tiny/report/results.csv"

COMMANDS = (
    ("status", "study.toml"),
    ("verify", "study.toml", "--deep"),
    *(("run", "study.toml", "--engine", "inline"),) * MOST_RUNS,
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    (folder / "study.toml").write_text(TINY_STUDY)
    run_inline(folder / "study.toml", folder / "runs")
    return folder / "runs"


@pytest.mark.parametrize("number", range(ROUNDS))
def test_damage_is_said_and_no_table_is_wrong(number: int, finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "runs")
    (tmp_path / "study.toml").write_text(TINY_STUDY)
    chance, place = Random(number), Folder(tmp_path / "runs")
    harms = [harm_a_file(place, chance) for _ in range(chance.randint(1, 4))]
    process = fork(use, tmp_path)
    process.join(LONGEST)
    if process.exitcode is None:
        process.kill()
        raise AssertionError(f"does not end\n{told(harms, tmp_path)}")
    codes = json.loads((tmp_path / "codes.json").read_text())
    assert set(codes) <= ENDS, told(harms, tmp_path)
    assert codes[-1] == 0, told(harms, tmp_path)
    assert "Traceback" not in (tmp_path / "said.txt").read_text(), told(harms, tmp_path)
    assert (tmp_path / "runs" / TABLE).read_bytes() == (finished / TABLE).read_bytes()


def use(folder: Path) -> None:
    """Look at the store, and run until all is done; the exit code of each command to a file."""
    os.chdir(folder)
    with Path("said.txt").open("ab") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    codes: list[object] = []
    for command in COMMANDS:
        with (
            patch.object(sys, "argv", ["repsim", *command]),
            patch("repsim.report.build.render", sketched),
        ):
            try:
                main()
                codes.append(0)
            except SystemExit as end:
                codes.append(end.code or 0)
        if command[0] == "run" and codes[-1] == 0:
            break
    Path("codes.json").write_text(json.dumps(codes))


def told(harms: list[str], folder: Path) -> str:
    """What was done to the store, and what was said."""
    return "\n".join([*harms, (folder / "said.txt").read_text()])
