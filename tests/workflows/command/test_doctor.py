"""`repsim doctor` says what is wrong with a machine, and what to do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cluster import doctor
from cluster.doctor.finding import ok, problem, warning
from tests.nodes import free_port

GOOD = ok("python", "3.11.7")
SLOW = warning("store speed", "900 ms for a small file", "Use a store that is nearer.")
GONE = problem("store", "[bold]/x[/nothing] cannot be used", "Choose another.", code=4)
OLD = problem("zarr", "2.18, and >=3 is asked for", "Install it.", code=2)


@pytest.mark.parametrize(
    ("findings", "code", "last"),
    [
        ([GOOD], 0, "All is well."),
        ([GOOD, SLOW], 0, "1 warning."),
        ([GOOD, SLOW, GONE], 4, "1 problem, 1 warning."),
        ([GONE, OLD], 2, "2 problems."),
    ],
)
def test_the_exit_code_is_that_of_the_worst(repsim, monkeypatch, findings, code, last):
    monkeypatch.setattr(doctor, "examine", lambda profile, location: findings)
    ran = repsim("doctor")
    assert ran.code == code
    assert ran.out.endswith(last)
    for one in findings:
        assert one.found in ran.out
        assert one.remedy in ran.out
    told = json.loads(repsim("doctor", "--json").out)
    assert told["exit_code"] == code
    names = {"name": "profile", "verdict": "ok", "found": "local", "remedy": ""}
    assert told["findings"] == [names, *(dict(one.as_json()) for one in findings)]


def test_a_profile_that_cannot_be_read_is_one_more_finding(repsim, monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda profile, location: [GOOD])
    ran = repsim("doctor", "--cluster", "lokal")
    assert ran.code == 2
    assert "profile problem lokal cannot be used" in ran.out
    assert "Did you mean 'local'?" in ran.out
    assert "python ok 3.11.7" in ran.out


def test_a_machine_is_looked_at_as_its_profile_needs(repsim, tmp_path):
    address = f"tcp://127.0.0.1:{free_port()}"
    profile = tmp_path / "mine.toml"
    profile.write_text(f'[ray]\ngpus_per_network = 64\n[dask]\nscheduler = "{address}"\n')
    ran = repsim("doctor", "--cluster", profile, "--store", tmp_path / "runs", "--json")
    found = {one["name"]: one for one in json.loads(ran.out)["findings"]}
    assert ran.code == 2
    assert found[address]["found"].startswith("nobody answers")
    assert found["GPU"]["verdict"] == "problem" or "GPU 0" in found
    assert found["store"]["found"] == f"{tmp_path / 'runs'} is written and read"
    assert list(tmp_path.iterdir()) == [profile]


def test_a_low_limit_of_address_space_is_found_and_hangs_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "workflows.command", "doctor", "--json", "--store"]
    ran = subprocess.run(
        ["bash", "-c", 'ulimit -v 2000000; exec "$@"', "-", *command, str(tmp_path / "runs")],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 2, ran.stderr
    problems = {
        one["name"]: one
        for one in json.loads(ran.stdout)["findings"]
        if one["verdict"] == "problem"
    }
    assert problems["address space"]["found"] == "at most 2.0 GB"
    assert "ulimit -v" in problems["processors"]["remedy"]
