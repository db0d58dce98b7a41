"""repsim verify: what is damaged is named, and nothing but damage."""

import json

import pytest

from repsim.stages.report import consolidate
from repsim.store import Artifact, Checkpoints, run_lock
from workflows.references import record_references


@pytest.fixture
def complete(made_copy):
    """The made study with its report and its references."""
    record_references(made_copy.store, made_copy.plan)
    consolidate(made_copy.store, made_copy.plan, {})
    return made_copy


@pytest.fixture
def verify(repsim, complete):
    def call(*more):
        return repsim("verify", complete.file, "--store", complete.store.root, *more)

    return call


def flip(store, path):
    content = bytearray(store.read(path))
    content[len(content) // 2] ^= 1
    store.write(path, bytes(content))


def a_file_of(store, artifact):
    marker = artifact.marker()
    return artifact.path(marker, marker.parts[0].name)


@pytest.mark.parametrize(
    ("more", "said"), [((), "size of every file"), (("--deep",), "content of every file")]
)
def test_what_is_as_it_was_written_ends_with_0_and_is_not_touched(verify, complete, more, said):
    before = {path: path.stat().st_mtime_ns for path in complete.store.root.rglob("*")}
    ran = verify(*more)
    assert (ran.code, ran.err) == (0, "")
    assert f"what is there is as it was written ({said}" in ran.out
    for counts in ("networks 3 0 0 6", "activations 6 0 0", "matches 6 0 0", "study folder 2 0 0"):
        assert counts in ran.out
    assert {path: path.stat().st_mtime_ns for path in complete.store.root.rglob("*")} == before


def test_a_flipped_bit_in_a_file_of_every_kind_is_found(verify, complete):
    store, plan = complete.store, complete.plan
    spec = plan.comparisons[0]
    damaged = [
        a_file_of(store, artifact)
        for artifact in (
            plan.networks[0].artifact(store),
            spec.x.artifact(store),
            *(
                Artifact.at(store, folder)
                for folder in (spec.moments_folder, spec.profile_folder, spec.folder)
            ),
        )
    ]
    damaged.append("studies/tiny/report/report.html")
    for path in damaged:
        flip(store, path)
    flip(store, "studies/tiny/keys.json")
    assert verify().out.count("Damaged: ") == 2  # the report is always read
    ran = verify("--deep")
    assert ran.code == 5
    for path in damaged:
        assert f"Damaged: {path}: Expected the content as it was written." in ran.out
    assert "Damaged: studies/tiny/keys.json: " in ran.out
    assert "A run that needs it removes it and makes it again" in ran.out
    assert "The next run writes it again." in ran.out


def test_what_is_missing_is_no_damage(verify, complete):
    store = complete.store
    store.delete(complete.plan.networks[0].artifact(store).marker_path)
    ran = verify("--deep")
    assert ran.code == 0
    assert "networks 2 0 1" in ran.out


def test_of_a_study_that_was_never_run_all_is_missing_and_nothing_is_written(
    repsim, study_file, tmp_path
):
    ran = repsim("verify", study_file, "--store", tmp_path / "none", "--json")
    assert ran.code == 0
    assert json.loads(ran.out)["kinds"]["networks"] == {"sound": 0, "damaged": 0, "missing": 3}
    assert not (tmp_path / "none").exists()


def test_damaged_checkpoints_are_named(verify, complete):
    store, spec = complete.store, complete.plan.networks[0]
    store.delete(spec.artifact(store).marker_path)
    Checkpoints(store, spec.key).save(b"an epoch", epoch=1)
    (path,) = store.sizes(f"checkpoints/{spec.key}")
    assert verify("--deep").code == 0
    flip(store, path)
    ran = verify("--deep")
    assert ran.code == 5
    assert f"Damaged: {path}: " in ran.out
    assert "Training goes on from the checkpoint before it" in ran.out


def test_json_lists_every_damage(verify, complete):
    store = complete.store
    artifact = complete.plan.networks[0].artifact(store)
    path = a_file_of(store, artifact)
    store.write(path, b"short")
    ran = verify("--json")
    assert ran.code == 5
    said = json.loads(ran.out)
    assert said["kinds"]["networks"] == {"sound": 2, "damaged": 1, "missing": 0}
    (damage,) = said["damaged"]
    assert (damage["artifact"], damage["path"]) == (artifact.folder, path)
    assert damage["problem"].endswith("Got 5.")


def test_remove_lets_the_next_run_make_it_again(verify, repsim, complete):
    store, spec = complete.store, complete.plan.comparisons[0]
    profile = Artifact.at(store, spec.profile_folder)
    flip(store, a_file_of(store, profile))
    with run_lock(store, "tiny"):
        assert verify("--deep", "--remove").code == 6
    assert profile.exists()
    ran = verify("--deep", "--remove")
    assert ran.code == 5
    assert "It is removed: a run that needs it makes it again." in ran.out
    assert not profile.exists()
    assert verify("--deep").code == 0
    again = repsim("run", complete.file, "--store", store.root, "--engine", "inline")
    assert again.code == 0
    assert profile.exists()
    assert verify("--deep").code == 0
