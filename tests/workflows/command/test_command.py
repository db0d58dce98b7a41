"""The installed command: help worth reading, and one message and exit code for each error."""

import subprocess
import sys
from pathlib import Path

import pytest

VERBS = {
    "run": ("STUDY.toml", "--store", "--cluster", "--engine", "--set", "--log-format", "same line"),
    "plan": ("STUDY.toml", "--store", "--set", "--json", "start nothing"),
    "status": ("STUDY.toml", "--store", "--set", "--json", "how far a study is"),
    "verify": ("STUDY.toml", "--store", "--deep", "--remove", "--json", "Exit code 0"),
    "gc": ("--store", "--yes", "--older-than", "--json", "no study refers to"),
    "report": ("STUDY.toml", "--store", "--set"),
    "compare": ("--epsilon", "--centred", "--output", "(examples, positions, neurons)"),
    "layers": ("MODEL", "--pattern", "--image-shape", "features.*"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(repsim, verb):
    ran = repsim(verb, "--help")
    assert ran.code == 0
    for words in VERBS[verb]:
        assert words in ran.out.replace(" │ │ ", " "), words


def test_the_help_lists_every_verb_and_exit_code(repsim):
    ran = repsim("--help")
    assert ran.code == 0
    assert all(verb in ran.out for verb in VERBS)
    for words in ("0 done", "3 some tasks failed", "6 another run is active", "75 stopped"):
        assert words in ran.out


@pytest.mark.parametrize(
    "arguments",
    [(), ("rum",), ("run",), ("run", "a.toml", "--engine", "inlin"), ("plan", "a.toml", "--stor")],
)
def test_wrong_usage_ends_with_2(repsim, arguments):
    assert repsim(*arguments).code == 2


def test_an_error_of_our_own_is_an_internal_error(repsim, monkeypatch, study_file):
    def broken(*arguments):
        raise ZeroDivisionError("of our own")

    monkeypatch.setattr("workflows.plan.plan_study", broken)
    ran = repsim("plan", study_file)
    assert ran.code == 1
    assert "ZeroDivisionError: of our own" in ran.err
    assert "an internal error. Please report it" in ran.err


def test_brackets_in_a_message_are_no_markup(repsim, study_file):
    ran = repsim("plan", study_file, "--set", "capture.layers=['[bold]x[/nothing]']")
    assert ran.code == 2
    assert "[bold]x[/nothing]" in ran.err


def test_the_script_that_is_installed_ends_with_the_code_of_its_error(tmp_path):
    script = Path(sys.executable).parent / "repsim"
    ran = subprocess.run(
        [script, "plan", tmp_path / "no.toml"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert ran.stderr == (
        f"repsim: Expected a study file. Got {tmp_path / 'no.toml'}, which does not exist.\n"
    )
