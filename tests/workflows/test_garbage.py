"""Nothing that a study refers to is ever garbage; everything that is left behind is."""

import json
import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from repsim.errors import ActiveRunError, IntegrityError, StoreError
from repsim.stages import activations, comparison
from repsim.store import Artifact, Checkpoints, Store, run_lock
from repsim.study import parse_study
from workflows import garbage as module
from workflows.garbage import find_garbage, remove_garbage
from workflows.plan import plan_study
from workflows.references import read_references, record_references, referenced_keys

KEY, ATTEMPT = "c" * 64, "0123456789abcdef"
NOW = timedelta(0)


@pytest.fixture
def store(made_copy):
    """The made study with what a run of it would have recorded."""
    record_references(made_copy.store, made_copy.plan)
    return made_copy.store


def folders(garbage):
    return sorted(f"{one.kind}/{one.key}: {one.why}" for one in garbage)


def age(store, prefix, days):
    """Make everything below `prefix` older."""
    past = time.time() - days * 86400
    for path in [*(store.root / prefix).rglob("*")]:
        os.utime(path, (past, past))


def files(store):
    return {path.relative_to(store.root).as_posix() for path in store.root.rglob("*")}


def orphan(store, kind="networks", key=KEY):
    draft = Artifact(store, kind, key).draft()
    draft.write("file", b"12345")
    draft.publish()
    return draft


def test_everything_that_the_study_made_is_referred_to(store):
    before = files(store)
    assert find_garbage(store, older_than=NOW) == []
    assert remove_garbage(store, older_than=NOW) == []
    assert files(store) - before == {"studies/tiny/run.lock"}


def test_references_are_the_keys_of_the_plan(made):
    references = referenced_keys(made.plan)
    assert references.keys["networks"] == sorted(spec.key for spec in made.plan.networks)
    assert len(references.keys["activations"]) == 6
    for kind in ("moments", "profiles", "matches"):
        assert len(references.keys[kind]) == 6
    assert {whole.split("/")[0] for whole in references.parts} == {
        *("moments", "replicates", "measures")
    }


def test_parts_of_moments_and_of_simple_matches_are_known(made, tiny_study, monkeypatch):
    monkeypatch.setattr(comparison, "OPERATIONS_PER_TASK", 1.0)
    monkeypatch.setattr(comparison, "SECONDS_PER_TASK", 1e-9)
    monkeypatch.setattr(activations, "examples_per_file", lambda *a, **k: (5, 5))
    changes = ["matching.minimal_at=[0.2,0.5]", "resampling.permutations=4"]
    plan = plan_study(parse_study(tiny_study, changes))
    references = referenced_keys(plan)
    spec = plan.comparisons[0]
    sums = references.parts[spec.moments_folder]
    assert len(sums) == 8 == len(spec.example_ranges)
    for epsilon in (0.2, 0.5):
        parts = references.parts[spec.simple_folder(epsilon)]
        assert len(parts) == spec.simple_parts > 1
        assert spec.simple_folder(epsilon, (0, spec.simple_parts)) in parts


def test_all_that_a_run_publishes_is_known(made):
    references = referenced_keys(made.plan)
    published = {"/".join(path.split("/")[:2]) for path in made.store.sizes("")}
    known = {f"{kind}/{key}" for kind, keys in references.keys.items() for key in keys}
    assert {folder for folder in published if not folder.startswith("studies/")} <= known


def test_what_no_study_refers_to_is_listed_with_its_size_and_then_removed(store):
    orphan(store)
    before = files(store)
    (found,) = find_garbage(store)
    assert (found.kind, found.key, found.why) == ("networks", KEY, "no study refers to it")
    assert found.bytes == 5 + len(store.read(f"networks/{KEY}/marker.json"))
    assert files(store) == before
    assert remove_garbage(store) == [found]
    assert files(store) - {"studies/tiny/run.lock"} == {path for path in before if KEY not in path}


def test_an_artifact_that_two_studies_share_goes_with_the_second(store, made, tiny_study):
    text = tiny_study.replace('"tiny"', '"other"')
    record_references(store, plan_study(parse_study(text, ["seeds=[0,1]"])))
    shared = made.plan.networks[0].key
    store.delete("studies/tiny/keys.json")
    gone = {one.key for one in find_garbage(store)}
    assert made.plan.networks[2].key in gone
    assert shared not in gone
    store.delete("studies/other/keys.json")
    assert shared in {one.key for one in find_garbage(store)}


def test_a_study_that_is_run_with_other_values_lets_go_of_what_it_made(store, tiny_study):
    record_references(store, plan_study(parse_study(tiny_study, ["matching.epsilons=[0.3]"])))
    assert {one.kind for one in find_garbage(store)} == {"matches"}
    assert len(find_garbage(store)) == 6


@pytest.mark.parametrize("kind", ["networks", "moments"])
def test_an_attempt_that_was_never_published_counts_when_it_is_a_day_old(store, made, kind):
    moments = made.plan.comparisons[0].moments_folder.partition("/")[2]
    used = made.plan.networks[0].key if kind == "networks" else moments
    for key in (used, KEY):
        store.write(f"{kind}/{key}/{ATTEMPT}/file", b"1")
    assert find_garbage(store) == []
    for key in (used, KEY):
        age(store, f"{kind}/{key}/{ATTEMPT}", 1.1)
    found = find_garbage(store)
    assert folders(found) == sorted(f"{kind}/{key}: was never finished" for key in (used, KEY))
    assert find_garbage(store, older_than=timedelta(days=2)) == []
    remove_garbage(store)
    assert find_garbage(store, older_than=NOW) == []
    assert not (store.root / kind / KEY).exists()


def test_a_file_that_a_killed_writer_left_is_found_though_obstore_hides_it(store, made):
    key = made.plan.networks[0].key
    for path in (f"networks/{key}/{ATTEMPT}/weights.pt#1", f"checkpoints/{key}/000000001-x.pt#2"):
        (store.root / path).parent.mkdir(parents=True, exist_ok=True)
        (store.root / path).write_bytes(b"half")
    (store.root / "studies/tiny/keys.json#1").write_bytes(b"half")
    assert find_garbage(store) == []
    found = find_garbage(store, older_than=NOW)
    assert sorted(one.kind for one in found) == ["checkpoints", "networks", "studies"]
    remove_garbage(store, older_than=NOW)
    assert not [path for path in files(store) if "#" in path]


def test_checkpoints_go_when_the_network_is_trained(store, made):
    trained, missing = made.plan.networks[:2]
    store.delete(missing.artifact(store).marker_path)
    for key in (trained.key, missing.key, KEY):
        Checkpoints(store, key).save(b"an epoch", epoch=1)
    assert folders(find_garbage(store)) == [f"checkpoints/{trained.key}: its network is trained"]
    checkpoints = [one for one in find_garbage(store, older_than=NOW) if one.kind == "checkpoints"]
    assert {one.key for one in checkpoints} == {trained.key, KEY}


def test_parts_go_when_their_whole_is_there(store, made):
    whole = made.plan.comparisons[0].moments_folder
    references = referenced_keys(made.plan)
    references = references.model_copy(update={"parts": {whole: [f"moments/{KEY}"]}})
    references = references.model_copy(update={"checksum": references.expected_checksum()})
    store.write("studies/tiny/keys.json", references.model_dump_json().encode())
    orphan(store, "moments")
    assert [one.key for one in find_garbage(store)] == [KEY]
    store.delete(f"{whole}/marker.json")
    assert KEY not in [one.key for one in find_garbage(store)]


def test_an_artifact_whose_marker_cannot_be_read_is_left_to_verify(store, made):
    artifact = made.plan.networks[0].artifact(store)
    store.write(artifact.marker_path, b"{")
    assert find_garbage(store, older_than=NOW) == []


def test_files_of_somebody_else_are_never_touched(store, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious").write_text("x")
    for path in ("notes.txt", "other/thing.txt", "networks/README", "networks/abc/x"):
        (store.root / path).parent.mkdir(exist_ok=True)
        (store.root / path).write_text("x")
    (store.root / "networks" / KEY).symlink_to(tmp_path / "mine")
    (store.root / "simple").symlink_to(tmp_path / "mine")
    assert remove_garbage(store, older_than=NOW) == []
    assert (tmp_path / "mine" / "precious").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "Got nothing"),
        (b"{}", "Got something that cannot be read"),
        (b"\xff", "Got something that cannot be read"),
        ("flip", r"Got a file that was changed \(its checksum differs\)"),
    ],
)
def test_where_it_is_not_known_what_a_study_refers_to_nothing_is_removed(store, content, said):
    orphan(store)
    store.write("studies/other/study.toml", b"")
    if content == "flip":
        content = json.loads(store.read("studies/tiny/keys.json"))
        content["keys"]["networks"][0] = "d" * 64
        content = json.dumps(content).encode()
    if content is not None:
        store.write("studies/other/keys.json", content)
    for act in (find_garbage, remove_garbage):
        with pytest.raises(IntegrityError, match=rf"studies/other/keys.json .*{said}. Nothing is"):
            act(store)
    assert Artifact(store, "networks", KEY).exists()


def test_a_study_of_which_a_lock_is_all_that_there_is_refers_to_nothing(store):
    store.write("studies/other/run.lock", b"")
    assert find_garbage(store) == []


@pytest.mark.parametrize("place", ["studies", "studies/tiny"])
def test_a_study_behind_a_link_is_not_overlooked(store, tmp_path, place):
    (store.root / place).rename(tmp_path / "elsewhere")
    (store.root / place).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(IntegrityError, match=rf"Expected a folder at {place} .*Got a link"):
        remove_garbage(store)


def test_while_a_study_is_being_run_nothing_is_removed(store):
    orphan(store)
    with run_lock(store, "tiny"):
        assert len(find_garbage(store)) == 1
        with pytest.raises(ActiveRunError, match="Nothing was removed"):
            remove_garbage(store)
    assert Artifact(store, "networks", KEY).exists()
    assert len(remove_garbage(store)) == 1


def test_while_a_job_of_a_study_is_active_nothing_is_removed(store):
    orphan(store)
    with run_lock(store, "tiny/jobs/networks-0"), pytest.raises(ActiveRunError, match="networks-0"):
        remove_garbage(store)
    assert Artifact(store, "networks", KEY).exists()
    assert len(remove_garbage(store)) == 1


def test_a_study_of_which_the_lock_of_a_job_is_all_refers_to_nothing(store):
    store.write("studies/other/jobs/networks-0/run.lock", b"")
    assert find_garbage(store) == []


def test_folders_in_which_nothing_was_ever_written_go_when_they_are_old(store, made, tmp_path):
    used = store.root / "networks" / made.plan.networks[0].key
    for folder in (used, store.root / "moments" / KEY, store.root / "simple" / KEY):
        (folder / ATTEMPT / "below").mkdir(parents=True)
    remove_garbage(store)
    assert (used / ATTEMPT / "below").exists()
    age(store, "networks", 2)
    age(store, "moments", 2)
    (tmp_path / "outside").mkdir()
    (store.root / "moments" / "link").symlink_to(tmp_path / "outside")
    assert remove_garbage(store) == []
    assert not (used / ATTEMPT).exists()
    assert Artifact(store, "networks", used.name).exists()
    assert not (store.root / "moments" / KEY).exists()
    assert (store.root / "simple" / KEY / ATTEMPT / "below").exists()
    assert (tmp_path / "outside").exists()


def test_a_study_that_begins_in_between_stops_it(store, monkeypatch):
    orphan(store)

    def begins(*arguments, **options):
        store.write("studies/new/run.lock", b"")
        return find_garbage(*arguments, **options)

    monkeypatch.setattr(module, "find_garbage", begins)
    with pytest.raises(ActiveRunError, match=r"Got one of the study 'new'\. Nothing was"):
        remove_garbage(store)
    assert Artifact(store, "networks", KEY).exists()


def test_what_cannot_be_removed_is_said(store, monkeypatch):
    orphan(store)

    def refused(path, missing_ok=False):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(StoreError, match=f"Expected to remove 'networks/{KEY}/marker.json'"):
        remove_garbage(store)


def test_references_are_written_once(store, made):
    path = store.root / "studies/tiny/keys.json"
    before = path.stat().st_mtime_ns
    record_references(store, made.plan)
    assert path.stat().st_mtime_ns == before
    assert read_references(store, "tiny") == referenced_keys(made.plan)


def test_in_a_store_that_does_not_exist_there_is_nothing(tmp_path):
    store = Store(str(tmp_path / "none"))
    assert find_garbage(store) == remove_garbage(store) == []
    assert not store.root.exists()
