"""`repsim run --task-log FILE`, as it is typed."""

from tests.task_lines import lines


def test_networks_and_then_shares_append_to_one_file(repsim, study_file, tmp_path):
    log = tmp_path / "tasks.jsonl"
    arguments = ("run", study_file, "--store", tmp_path / "runs", "--engine", "inline")
    asked = ("--task-log", log)
    assert repsim(*arguments, *asked, "--stage", "networks", "--networks", "0-1").code == 0
    assert [line["of"] for line in lines(log)] == ["seed 0", "seed 0", "seed 1", "seed 1"]
    assert repsim(*arguments, *asked, "--shard", "0/1").code == 0
    tasks = [line["task"] for line in lines(log)]
    assert tasks.count("train") == 3
    assert tasks.count("match") == 6
    before = log.read_bytes()
    assert repsim(*arguments, *asked).code == 0
    assert log.read_bytes() == before  # all was there


def test_a_folder_that_is_not_there_is_an_error_before_anything_starts(
    repsim, study_file, tmp_path
):
    log = tmp_path / "missing" / "tasks.jsonl"
    ran = repsim("run", study_file, "--store", tmp_path / "runs", "--task-log", log)
    assert ran.code == 2
    assert f"Expected a file that can be written as the task log. Got '{log}': No such" in ran.err
    assert not (tmp_path / "runs").exists()
    assert not log.parent.exists()
