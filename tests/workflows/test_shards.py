"""A study made in shares, by jobs that know nothing of each other."""

import pytest

from repsim.errors import StudyError
from repsim.store import Store
from repsim.study import load_study
from tests import runs
from workflows.command.missing import ranges
from workflows.plan import plan_study
from workflows.shards import Shard, shards_with_work
from workflows.state import survey_study


def share(file, store, number, count, *more, expect=0):
    arguments = ("run", file, "--store", store, "--shard", f"{number}/{count}", *more)
    return runs.run(*arguments, expect=expect)


def test_every_key_is_in_exactly_one_share():
    keys = [f"{number:064x}" for number in range(17)]
    shares = [Shard(number=number, count=5).of(keys) for number in range(5)]
    assert sorted(key for one in shares for key in one) == sorted(keys)
    assert {len(one) for one in shares} == {3, 4}


@pytest.mark.parametrize("text", ["3/3", "1", "-1/4", "a/b", "0/0", ""])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(StudyError, match="Expected a share of the work as i/N, counted from 0"):
        Shard.parse(text)


@pytest.mark.full
def test_shares_in_any_order_give_the_tables_of_one_run(tmp_path, undisturbed):
    file, store = runs.study_file(tmp_path), tmp_path / "runs"
    plan = plan_study(load_study(file))
    at = Store(str(store))

    def with_work(stage):
        return shards_with_work(survey_study(plan, at), 2, stage)

    assert with_work("all") == [0, 1]
    waiting = share(file, store, 1, 2, expect=3)
    assert "Run this share again when other shares have made them" in waiting
    assert with_work("networks") == [0]
    share(file, store, 0, 2, "--stage", "networks")
    assert with_work("networks") == []
    assert with_work("comparisons") == [0, 1]
    assert "Report" not in share(file, store, 1, 2, "--stage", "comparisons")
    assert with_work("all") == [0]
    printed = runs.run(
        "missing", file, "--store", store, "--shards", "2", "--format", "slurm-array"
    )
    assert printed.split() == ["0"]
    assert "Report: " in share(file, store, 0, 2)
    assert with_work("all") == []
    runs.assert_same_results(store, undisturbed)
    assert "Nothing to do" in runs.run("run", file, "--store", store, "--engine", "inline")


def test_runs_of_numbers_are_one_range():
    assert ranges([3]) == "3"
    assert ranges([0, 1, 4]) == "0-1,4"
