"""plan, run, status and report on the tiny study, with no engine."""

import json
import re
from pathlib import Path

import pytest

from repsim.store import Artifact, Store, run_lock
from repsim.study import load_study


def files(store):
    return {
        path: path.stat().st_mtime_ns for path in Path(store).rglob("*") if path.suffix != ".lock"
    }


def stages(out):
    """The numbers behind the name of each stage."""
    names = "networks|activations|moments|profiles|matches|report"
    return {
        name: [int(n) for n in numbers.split()]
        for name, numbers in re.findall(rf"\b({names})((?: \d+)+)", out)
    }


@pytest.fixture
def inline(repsim, study_file, tmp_path):
    """`repsim run` on the tiny study and a store of this test."""

    def call(*more):
        return repsim("run", study_file, "--store", tmp_path / "runs", "--engine", "inline", *more)

    return call


def test_from_nothing_to_the_report_and_again(repsim, inline, study_file, tmp_path):
    store = tmp_path / "runs"
    before = repsim("plan", study_file, "--store", store)
    assert before.code == 0
    assert "3 networks, 3 pairs, 2 layers, 2 ε" in before.out
    made = stages(before.out)
    assert [made[name][:3] for name in ("networks", "activations", "matches", "report")] == [
        [3, 0, 3],
        [6, 0, 6],
        [6, 0, 6],
        [1, 0, 1],
    ]
    assert "features.relu4 ReLU 10 4 160" in before.out
    assert "The largest matching task" in before.out
    assert stages(repsim("status", study_file, "--store", store).out)["networks"] == [0, 3, 0, 0, 0]
    assert not store.exists()

    first = inline()
    assert first.code == 0
    assert "Made 3 networks and 6 comparisons" in first.out
    page = store / "studies" / "tiny" / "report" / "report.html"
    assert f"Report: {page}" in first.out
    assert page.stat().st_size > 10_000
    for line in ("seed 0: training 2 of 2, test accuracy", "matching layers of pairs 6 of 6"):
        assert line in first.err
    assert load_study(store / "studies" / "tiny" / "study.toml") == load_study(study_file)
    summary = json.loads((store / "studies" / "tiny" / "run-summary.json").read_text())
    assert (summary["networks_made"], summary["exit_code"], summary["failures"]) == (3, 0, {})

    after = stages(repsim("plan", study_file, "--store", store).out)
    assert {name: numbers[:3] for name, numbers in after.items()} == {
        "networks": [0, 3, 3],
        "activations": [0, 6, 6],
        "moments": [0, 6, 6],
        "profiles": [0, 6, 6],
        "matches": [0, 6, 6],
        "report": [0, 1, 1],
    }
    status = stages(repsim("status", study_file, "--store", store).out)
    assert all(numbers[1:] == [0, 0, 0, 0] for numbers in status.values())

    made = {path: time for path, time in files(store).items() if path.name == "marker.json"}
    reported = files(page.parent)
    second = inline()
    assert second.code == 0
    assert second.out.startswith("Nothing to do: the study 'tiny' is complete. Report: ")
    assert {path: files(store)[path] for path in made} == made
    assert files(page.parent) == reported

    third = inline("--set", "matching.epsilons=[0.3]")
    assert "Made 0 networks and 6 comparisons" in third.out
    fourth = inline("--set", "seeds=[0,1]")
    assert "Made 0 networks and 0 comparisons" in fourth.out
    assert "2 comparisons were there before" in fourth.out


@pytest.mark.parametrize("verb", ["run", "plan", "status", "report"])
@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("traning.epochs=3", "Did you mean 'training'?"),
        ("capture.layers=['type:Relu']", "Did you mean 'type:ReLU'?"),
        ("matching.epsilons=[1.0]", "less than 1. Got 1.0."),
        ("seeds=[1,1]", "Expected each seed once."),
        ("data.name=digit", "Did you mean 'digits'?"),
    ],
)
def test_a_wrong_study_is_one_message_and_2_and_nothing_is_written(
    repsim, study_file, tmp_path, verb, override, said
):
    ran = repsim(verb, study_file, "--store", tmp_path / "runs", "--set", override)
    assert ran.code == 2
    assert "repsim: Expected " in ran.err
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""
    assert list(tmp_path.iterdir()) == [study_file]


def test_a_wrong_profile_is_refused_before_anything_is_written(repsim, study_file, tmp_path):
    ran = repsim("run", study_file, "--store", tmp_path / "runs", "--cluster", "lokal")
    assert ran.code == 2
    assert "Did you mean 'local'?" in ran.err
    assert not (tmp_path / "runs").exists()


def test_a_second_run_at_once_says_so_and_ends_with_6(inline, repsim, study_file, tmp_path):
    with run_lock(Store(str(tmp_path / "runs")), "tiny"):
        ran = inline()
        assert ran.code == 6
        assert "Expected no other run of the study 'tiny'" in ran.err
        # Looking is allowed while it runs.
        assert repsim("status", study_file, "--store", tmp_path / "runs").code == 0
    assert not (tmp_path / "runs" / "networks").exists()


def test_no_report_is_written_while_a_run_is_active(repsim, made_copy):
    with run_lock(made_copy.store, "tiny"):
        assert repsim("report", made_copy.file, "--store", made_copy.store.root).code == 6
    assert made_copy.store.sizes("studies/tiny/report") == {}


def test_of_a_study_that_was_never_run_there_is_no_report(repsim, study_file, tmp_path):
    ran = repsim("report", study_file, "--store", tmp_path / "runs")
    assert ran.code == 2
    assert "Got no network. Run it first: repsim run." in ran.err
    assert not (tmp_path / "runs").exists()


def test_a_store_that_cannot_be_written_ends_with_4(repsim, study_file):
    ran = repsim("run", study_file, "--store", study_file / "runs", "--engine", "inline")
    assert ran.code == 4
    assert "Expected a folder that can be written" in ran.err
    assert "Traceback" not in ran.err


def test_networks_that_cannot_be_trained_end_with_3_and_are_told(
    inline, repsim, study_file, tmp_path
):
    diverge = ("--set", "training.learning_rate=1e30")
    ran = inline(*diverge)
    assert ran.code == 3
    for seed in (0, 1, 2):
        assert f"Failed: seed {seed}: Expected finite numbers." in ran.err
    assert "Traceback" not in ran.err
    status = repsim("status", study_file, "--store", tmp_path / "runs", *diverge)
    assert stages(status.out)["networks"] == [0, 0, 0, 0, 3]
    assert "Failed in the last run: seed 0: Expected finite numbers." in status.out
    assert inline(*diverge).code == 3


def test_damage_in_the_store_is_made_good_and_told(repsim, made_copy):
    store, spec = made_copy.store, made_copy.plan.networks[0]
    artifact = spec.artifact(store)
    record = artifact.path(artifact.marker(), "training.json")
    store.write(record, b"damaged")
    arguments = (made_copy.file, "--store", store.root)
    ran = repsim("run", *arguments, "--engine", "inline")
    assert ran.code == 0
    assert f"Repaired: {artifact.folder} was damaged, and was made again." in ran.out
    assert repsim("verify", *arguments, "--deep").code == 0


def test_a_marker_that_cannot_be_read_is_called_corrupt(repsim, made_copy):
    spec = Artifact.at(made_copy.store, made_copy.plan.comparisons[0].folder)
    made_copy.store.write(spec.marker_path, b"{")
    ran = repsim("status", made_copy.file, "--store", made_copy.store.root)
    assert ran.code == 0
    assert stages(ran.out)["matches"] == [5, 0, 0, 1, 0]
    assert f"Corrupt: Expected {spec.folder} in the store" in ran.out


def test_the_report_is_made_again_from_what_is_there(repsim, made_copy, study_file):
    store = made_copy.store
    made_copy.store.delete(f"{made_copy.plan.comparisons[0].folder}/marker.json")
    ran = repsim("report", study_file, "--store", store.root)
    assert ran.code == 0
    page = store.root / "studies" / "tiny" / "report" / "report.html"
    assert ran.out == f"Report: {page}"
    assert "1 of 6 comparisons" in page.read_text()


def test_a_run_goes_on_from_what_is_there(repsim, made_copy, study_file):
    store = made_copy.store
    spec = made_copy.plan.comparisons[0]
    store.delete(f"{spec.folder}/marker.json")
    ran = repsim("run", study_file, "--store", store.root, "--engine", "inline")
    assert ran.code == 0
    assert "Made 0 networks and 1 comparison (" in ran.out
    assert "5 comparisons were there before" in ran.out


def test_plan_says_why(repsim, inline, study_file, tmp_path):
    place = (study_file, "--store", tmp_path / "runs")
    first = repsim("plan", *place)
    assert "Why: 3 networks (seed 0, seed 1, seed 2): nothing like it is in the store" in first.out
    inline()
    assert "Why" not in repsim("plan", *place).out
    changed = repsim("plan", *place, "--set", "training.learning_rate=0.1")
    assert (
        "differs from the one trained before in training.learning_rate: 0.05 → 0.1" in changed.out
    )
    (tmp_path / "runs" / "studies" / "tiny" / "report" / "report.html").unlink()
    assert "Only the report is to be written" in repsim("plan", *place).out


def test_plan_and_status_speak_json(repsim, made_copy):
    store, spec = made_copy.store, made_copy.plan.comparisons[0]
    store.write(f"{spec.folder}/marker.json", b"{")
    place = (made_copy.file, "--store", store.root, "--json")
    plan = json.loads(repsim("plan", *place).out)
    assert (plan["study"], plan["networks"], plan["complete"]) == ("tiny", 3, False)
    matches = {stage["name"]: stage for stage in plan["stages"]}["matches"]
    assert matches == {"name": "matches", "to_make": 1, "there": 5, "of": 6, "bytes_to_write": 0}
    assert plan["reasons"] == [
        {"stage": "comparisons", "why": "damaged: removed and made again", "of": [spec.label]}
    ]
    status = json.loads(repsim("status", *place).out)
    assert status["complete"] is False
    (matches,) = [stage for stage in status["stages"] if stage["name"] == "matches"]
    assert (matches["done"], matches["missing"], len(matches["corrupt"])) == (5, 0, 1)
    assert (status["in_training"], status["failures"]) == ([], {})


def test_a_rerun_in_which_everything_fails_again_says_so_and_never_complete(
    repsim, study_file, tmp_path
):
    options = ("--engine", "inline", "--store", tmp_path / "runs")
    for _ in range(2):
        ran = repsim("run", study_file, *options, "--set", "training.learning_rate=1e30")
        assert ran.code == 3
        assert "complete" not in ran.out
        assert "Made 0 networks and 0 comparisons" in ran.out
        assert "Failed: seed 0: Expected finite numbers." in ran.err
        assert "seed 0: seed 0" not in ran.err


def test_a_stored_failure_cannot_steer_the_terminal(repsim, study_file, tmp_path):
    summary = tmp_path / "runs" / "studies" / "tiny" / "run-summary.json"
    summary.parent.mkdir(parents=True)
    failures = {"seed 0\x1b[2J": "no\x9b31m \u202e\nFailed in the last run: seed 1: forged"}
    summary.write_text(json.dumps({"failures": failures}))
    arguments = ("status", study_file, "--store", tmp_path / "runs")
    shown = repsim(*arguments).out
    assert r"Failed in the last run: seed 0\x1b[2J: no\x9b31m \u202e\nFailed in the last" in shown
    as_json = repsim(*arguments, "--json").out
    assert json.loads(as_json)["failures"] == failures
    assert not {"\x1b", "\x9b", "\u202e"} & set(shown + as_json)
