"""repsim init and the studies that ship, by name."""

import re

import pytest

from repsim.study import load_study


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_study_is_written_that_can_be_planned(repsim):
    ran = repsim("init", "mine", "--networks", "2", "--epochs", "1")
    assert (ran.code, ran.out) == (
        0,
        "Wrote mine.toml. Next: repsim plan mine.toml, then repsim run mine.toml.",
    )
    planned = repsim("plan", "mine.toml")
    assert planned.code == 0
    assert planned.out.startswith("mine: 2 networks, 1 pair")


def test_every_key_in_a_comment_can_be_used(repsim, folder):
    repsim("init", "mine")
    text = (folder / "mine.toml").read_text()
    (folder / "used.toml").write_text(re.sub(r"^#: ", "", text, flags=re.MULTILINE))
    study = load_study(folder / "used.toml")
    assert {network.variant for network in study.networks} == {"wide"}
    assert study.training.snapshots
    assert repsim("plan", "used.toml").code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a/b",), "Expected a name of at most 100 letters"),
        (("mine", "--data", "digts"), "Did you mean 'digits'?"),
        (("mine", "--model", "vgg-16"), "Did you mean 'vgg16'?"),
        (("mine", "--networks", "1"), "greater than or equal to 2"),
    ],
)
def test_a_wrong_answer_writes_nothing(repsim, folder, arguments, said):
    ran = repsim("init", *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert list(folder.iterdir()) == []


def test_a_file_that_exists_is_left_as_it_is(repsim, folder):
    (folder / "mine.toml").write_text("# mine")
    ran = repsim("init", "mine")
    assert ran.code == 2
    assert "mine.toml exists" in ran.err
    assert (folder / "mine.toml").read_text() == "# mine"


def test_a_study_that_ships_is_named(repsim):
    assert repsim("plan", "digits").out.startswith("digits: 3 networks")
    ran = repsim("plan", "digit")
    assert ran.code == 2
    assert "Expected a known study that ships. Got 'digit'. Did you mean 'digits'?" in ran.err


def test_the_version_and_the_measures_are_listed(repsim):
    assert re.fullmatch(r"repsim \d+\.\d+\.\d+", repsim("--version").out)
    ran = repsim("measures")
    assert ran.code == 0
    assert "maximum_match Share of the neurons of both layers" in ran.out
    assert "procrustes" in ran.out
