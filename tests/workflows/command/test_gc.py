"""repsim gc: it lists, and removes only when it is told to."""

import json

import pytest

from repsim.store import Artifact, run_lock
from workflows.references import record_references

KEY = "c" * 64


@pytest.fixture
def store(made_copy):
    """The made study, and a network that no study refers to."""
    record_references(made_copy.store, made_copy.plan)
    draft = Artifact(made_copy.store, "networks", KEY).draft()
    draft.write("weights.pt", b"12345")
    draft.publish()
    return made_copy.store


@pytest.fixture
def gc(repsim, store):
    return lambda *more: repsim("gc", "--store", store.root, *more)


def test_it_lists_first_and_removes_with_yes(gc, store):
    listed = gc()
    assert listed.code == 0
    assert f"networks {KEY[:12]} no study refers to it" in listed.out
    assert "1 in all" in listed.out
    assert "Nothing is removed: --yes does it." in listed.out
    assert Artifact(store, "networks", KEY).exists()
    removed = gc("--yes")
    assert removed.code == 0
    assert "Removed." in removed.out
    assert not (store.root / "networks" / KEY).exists()
    assert gc().out == f"Nothing to remove in {store.location}."


def test_what_remains_is_a_complete_study(gc, repsim, store, made_copy):
    gc("--yes", "--older-than", "0")
    ran = repsim("verify", made_copy.file, "--store", store.root, "--deep", "--json")
    kinds = json.loads(ran.out)["kinds"]
    del kinds["study folder"]
    assert ran.code == 0
    assert not any(kind["missing"] or kind["damaged"] for kind in kinds.values())


def test_while_a_study_is_run_it_ends_with_6(gc, store):
    with run_lock(store, "tiny"):
        assert gc().code == 0
        ran = gc("--yes")
    assert ran.code == 6
    assert "Nothing was removed." in ran.err
    assert Artifact(store, "networks", KEY).exists()


def test_without_references_it_ends_with_5_and_says_what_to_do(gc, store):
    store.delete("studies/tiny/keys.json")
    store.write("studies/tiny/study.toml", b"")
    for more in ((), ("--yes",)):
        ran = gc(*more)
        assert ran.code == 5
        assert "Expected studies/tiny/keys.json" in ran.err
        assert "delete the folder studies/tiny if its results are no longer wanted" in ran.err
    assert Artifact(store, "networks", KEY).exists()


def test_json_names_every_file(gc):
    said = json.loads(gc("--json").out)
    assert said["removed"] is False
    (one,) = said["garbage"]
    assert (one["kind"], one["key"], one["why"]) == ("networks", KEY, "no study refers to it")
    assert one["files"][0] == f"networks/{KEY}/marker.json"
    assert len(one["files"]) == 2
    assert said["bytes"] == one["bytes"] > 5


def test_an_age_below_nothing_is_wrong_usage(gc):
    assert gc("--older-than", "-1").code == 2
