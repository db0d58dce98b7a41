"""Networks made by jobs of their own, then compared by one that trains none."""

import json

import pytest

from repsim.errors import StudyError
from repsim.store import Store, run_lock
from repsim.text import count
from workflows.shards import network_numbers


@pytest.fixture
def job(repsim, study_file, tmp_path):
    """`repsim run --stage STAGE` in one process; and the folder of the study."""
    store = tmp_path / "runs"

    def run(stage, *more):
        arguments = ("--store", store, "--engine", "inline", "--stage", stage)
        return repsim("run", study_file, *arguments, *more)

    run.folder = store / "studies" / "tiny"
    run.store = Store(str(store))
    return run


def summary(job):
    return json.loads((job.folder / "run-summary.json").read_text())


def test_jobs_make_their_networks_and_matching_makes_the_rest(job):
    for numbers in ("0", "1-2"):
        ran = job("networks", "--networks", numbers)
        assert ran.code == 0
        assert f"Made {count(len(network_numbers(numbers, 3)), 'network')} in" in ran.out
        assert not (job.folder / "report").exists()
    ran = job("comparisons")
    assert ran.code == 0
    assert "Made 0 networks and 6 comparisons" in ran.out
    assert "Nothing to do: the study 'tiny' is complete." in job("all").out


def test_a_job_with_nothing_to_do_makes_nothing(job):
    assert job("networks", "--networks", "2").code == 0
    assert "Made 0 networks in" in job("networks", "--networks", "2").out


def test_matching_compares_what_is_there_and_says_what_is_missing(job):
    assert job("networks", "--networks", "0,2").code == 0
    ran = job("comparisons")
    assert ran.code == 3
    assert "Made 0 networks and 2 comparisons" in ran.out
    assert "Failed: seed 1: Expected a network that is trained and captured." in ran.err
    assert "its job was killed or has not ended. See its log" in ran.err
    assert list(summary(job)["failures"]) == ["seed 1"]


def test_matching_says_why_a_network_failed_in_its_job(job):
    ran = job("networks", "--networks", "0", "--set", "training.learning_rate=1e30")
    assert ran.code == 3
    reason = json.loads((job.folder / "jobs" / "networks-0.json").read_text())["failures"]["seed 0"]
    ran = job("comparisons", "--set", "training.learning_rate=1e30")
    assert ran.code == 3
    assert summary(job)["failures"]["seed 0"].endswith(reason)
    assert not list((job.folder / "jobs").glob("*.json"))  # what they said is in the summary


def test_two_jobs_do_not_train_the_same_networks(job):
    with run_lock(job.store, "tiny/jobs/networks-1"):
        assert job("networks", "--networks", "1").code == 6
        assert job("networks", "--networks", "0").code == 0


@pytest.mark.parametrize("numbers", ["3", "0-3", "2-1", "one", "-1", "0,,1"])
def test_wrong_numbers_are_refused_before_anything_is_written(job, numbers):
    ran = job("networks", f"--networks={numbers}")
    assert ran.code == 2
    assert "Expected numbers of networks from 0 to 2, as in 0-3,7." in ran.err
    assert not job.folder.exists()


def test_numbers_are_read_as_slurm_writes_them():
    assert network_numbers("0-2,7,4", 8) == (0, 1, 2, 4, 7)
    with pytest.raises(StudyError):
        network_numbers("8", 8)


@pytest.mark.parametrize("stage", ["all", "comparisons"])
def test_numbers_go_with_the_stage_of_networks_alone(job, stage):
    ran = job(stage, "--networks", "0")
    assert ran.code == 2
    assert (
        f"Expected --networks with --stage networks alone. Got it with --stage {stage}" in ran.err
    )


def test_the_stage_of_networks_makes_all_of_them(job):
    assert "Made 3 networks in" in job("networks").out
    assert "Made 0 networks and 6 comparisons" in job("all").out
